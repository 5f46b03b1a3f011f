/**
 * For every published file: what the entries permit is what the file's own entries permit, by an evaluator of RFC 8519 that shares
 * nothing with the product. A connection is permitted by a file that accepts its packets in both directions.
 */
import t from 'tap';
import { NO_DATA, publishedFiles } from './support/files.js';
import { importedDevice, mudFile } from './support/import.js';
import { conversations, isToMany, SITE } from './support/probes.js';
import { createJudge, createPermits } from './support/judge.js';
import { createEvaluator } from './support/rfc8519.js';

const PROBES_PER_FILE = 3_000;
const files = publishedFiles();

if (files.length === 0) t.comment(NO_DATA);

for (const { name, text } of files)
  t.test(name, (t) => {
    const file = mudFile(text);
    const { policy, imported } = importedDevice(file);
    const document = JSON.parse(text) as Record<string, unknown>;
    const permits = createPermits(policy);
    const judge = createJudge({ evaluate: createEvaluator(document, SITE), imported, permits });
    let [permitted, refused] = [0, 0];
    const wrong: string[] = [];
    for (const each of conversations(document, PROBES_PER_FILE, 8520)) {
      if (isToMany(each) && each.opener === 'peer') continue;
      const isPermitted = permits(each);
      if (isPermitted) permitted += 1;
      else refused += 1;
      const said = judge(each, isPermitted);
      if (said !== null) wrong.push(said);
    }
    t.same(wrong.slice(0, 5), [], `${wrong.length} of ${permitted + refused}`);
    t.ok(refused > 500, `${refused} refused`);
    if (imported.entries.length > 4) t.ok(permitted > 200, `${permitted} permitted`);
    t.end();
  });
