/** `cordon demo`: sets the lab up, runs the steps, says what happened, and takes the lab down again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { READER, startBroker, subscribe } from '../lab/broker.js';
import { createCertificates } from '../lab/certificates.js';
import {
  makeDicomFile,
  startDicomServer,
  startHl7Server,
  startNtpServer,
  startWebServer,
} from '../lab/clinical.js';
import { demoPolicy } from '../lab/demo-policy.js';
import { DEMO_STEPS, type DemoScene, type DemoStep, type Observed } from '../lab/demo-steps.js';
import { createLabBox } from '../lab/lab-box.js';
import {
  HOSPITAL,
  OUTSIDE,
  closeLab,
  createNetworkLab,
  type LabMode,
  type NetworkLab,
} from '../lab/network-lab.js';

/** A kept lab has this name, so that it can be found again. */
const KEPT_ID = 'demo';
const BOX_NAME = 'box-demo';

export interface DemoOptions {
  readonly mode: LabMode;
  readonly keep: boolean;
  readonly json: boolean;
  readonly down: boolean;
}

/** True when every step held. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const say = (text: string): void => {
    if (!options.json) process.stdout.write(`${text}\n`);
  };
  if (options.down) {
    const hosts = await closeLab(KEPT_ID);
    say(hosts === 0 ? 'No lab is up.' : 'The lab is down.');
    return true;
  }
  const dir = await mkdtemp(join(tmpdir(), 'cordon-demo-'));
  let lab: NetworkLab | null = null;
  // Not `once`: a second Ctrl-C would end the process in the midst of taking the lab down, and leave half of it.
  const stopped = new Promise<void>((resolve) => {
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
  });
  try {
    say(`Setting up a hospital in network namespaces (${options.mode} mode) …`);
    if (options.keep) await closeLab(KEPT_ID);
    lab = await createNetworkLab(options.mode, options.keep ? KEPT_ID : undefined);
    const steps = runSteps(await setScene(lab, dir), options, say);
    const outcome = await Promise.race([steps, stopped.then(() => null)]);
    if (outcome === null) return false;
    if (options.keep) {
      explain(lab, dir, say);
      await stopped;
    }
    return outcome;
  } finally {
    await lab?.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function setScene(lab: NetworkLab, dir: string): Promise<DemoScene> {
  const { hospital, outside } = lab;
  const certificates = await createCertificates(dir, [BOX_NAME, READER], [HOSPITAL[0]]);
  await startBroker(hospital, HOSPITAL[0], dir, certificates);
  const broker = await subscribe(hospital, HOSPITAL[0], certificates);
  const box = await createLabBox(lab.box, dir, lab.mode, BOX_NAME, { address: HOSPITAL[0], certificates });
  await box.startEnforcer();
  await box.startAgent();
  const policyFile = join(dir, 'policy.yaml');
  await writeFile(policyFile, demoPolicy(lab.mode, lab.pumpMac));
  const [dicom, , , , outsideWeb, , hospitalWeb] = await Promise.all([
    startDicomServer(hospital, dir),
    startHl7Server(hospital, HOSPITAL[0]),
    startHl7Server(hospital, HOSPITAL[1]),
    startNtpServer(hospital, dir),
    startWebServer(outside, OUTSIDE[0], 80),
    startWebServer(outside, OUTSIDE[1], 80),
    startWebServer(hospital, HOSPITAL[0], 8080),
  ]);
  return {
    lab,
    box,
    broker,
    dicom,
    dicomFile: await makeDicomFile(dir),
    outsideWeb,
    hospitalWeb,
    dir,
    policyFile,
  };
}

async function runSteps(
  scene: DemoScene,
  options: DemoOptions,
  say: (text: string) => void,
): Promise<boolean> {
  let held = 0;
  for (const [index, step] of DEMO_STEPS.entries()) {
    const { observed, pass } = await attempt(step, scene);
    if (pass) held += 1;
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ step: step.step, expected: step.expected, observed, pass })}\n`,
      );
    say(
      `\n${String(index + 1).padStart(2)}. ${mark(pass)} ${step.step}\n    expected  ${step.expected}\n    observed  ${observed}`,
    );
  }
  say(`\n${held} of ${DEMO_STEPS.length} steps held (${options.mode} mode).`);
  return held === DEMO_STEPS.length;
}

async function attempt(step: DemoStep, scene: DemoScene): Promise<Observed> {
  try {
    return await step.run(scene);
  } catch (error) {
    return { observed: error instanceof Error ? error.message : String(error), pass: false };
  }
}

function mark(pass: boolean): string {
  const text = pass ? 'ok    ' : 'FAILED';
  return process.stdout.isTTY && process.env['NO_COLOR'] === undefined
    ? `\u001b[${pass ? 32 : 31}m${text}\u001b[0m`
    : text;
}

function explain(lab: NetworkLab, dir: string, say: (text: string) => void): void {
  const environment = `CORDON_RUN_DIR=${dir}/run CORDON_STATE_DIR=${dir}/state CORDON_CONFIG=${dir}/config.yaml`;
  say(`
The lab stays up until you press Ctrl-C. In another terminal, as root:
  ip netns exec ${lab.box.name} env ${environment} npx cordon status
  ip netns exec ${lab.box.name} nft list table inet cordon
  ip netns exec ${lab.pump.name} bash        a shell on the pump
  ip netns exec ${lab.hospital.name} bash    a shell among the hospital's servers`);
}
