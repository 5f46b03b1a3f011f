import t from 'tap';
import { boxTopics, parseTopic } from '../../../agent/upstream/pure/topics.js';

t.test('every topic of a box is under its own name, so that one ACL pattern serves all boxes', (t) => {
  const topics = boxTopics('box-1');
  t.match(parseTopic(topics.telemetry('health')), { box: 'box-1', kind: 'telemetry', name: 'health' });
  for (const topic of ['cordon/v1/box-1/evt/2004', 'cordon/v1/box-1/status']) t.ok(parseTopic(topic), topic);
  for (const topic of [
    'cordon/v2/box-1/status',
    'cordon/v1/BOX/status',
    'cordon/v1/box-1/evt/x',
    'cordon/v1/box-1/evt/2004/more',
    '',
  ])
    t.equal(parseTopic(topic), null, topic);
  t.end();
});
