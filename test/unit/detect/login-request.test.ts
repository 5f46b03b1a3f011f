import t from 'tap';
import { createEvent, EVENT_PAYLOAD } from '../../../agent/detect/event.js';
import {
  BY_BASIC,
  BY_DIGEST,
  BY_FORM,
  BY_REDIS,
  LoginRequest,
} from '../../../agent/detect/guess/login-request.js';

function read(text: string): Pick<LoginRequest, 'kind' | 'who' | 'words'> {
  const bytes = Buffer.from(`....${text}`, 'latin1');
  const event = {
    ...createEvent(),
    kind: EVENT_PAYLOAD,
    bytes,
    payloadOffset: 4,
    payloadLength: bytes.length - 4,
  };
  const request = new LoginRequest();
  request.read(event);
  return { kind: request.kind, who: request.who, words: request.words };
}
const form = (body: string, path = '/login'): string => `POST ${path} HTTP/1.1\r\nHost: x\r\n\r\n${body}`;

t.test('a password in a form or in JSON is told apart from who has it, and from what varies anyway', (t) => {
  for (const [one, other, stranger] of [
    ['user=a&pass=b', 'user=a&pass=cc', 'user=x&pass=b'],
    ['t=1&user=a&passwd=b&go=1', 't=2&user=a&passwd=c&go=1', 't=1&user=x&passwd=b&go=1'],
    ['{"username":"a","password":"b"}', '{"username":"a","password":"c"}', '{"username":"x","password":"b"}'],
    ['{"password": "b", "user": "a"}', '{"password": "c", "user": "a"}', '{"password": "b", "user": "x"}'],
    ['log=a&pwd=b', 'log=a&pwd=c', 'log=passenger&pwd=b'],
  ] as const) {
    const first = read(form(one));
    t.equal(first.kind, BY_FORM, one);
    t.same(read(form(one)), first, 'the same again');
    t.match(read(form(other)), { kind: BY_FORM, who: first.who }, 'the same name');
    t.not(read(form(other)).words, first.words, 'another password');
    t.not(read(form(stranger)).who, first.who, 'another name');
    t.equal(read(form(stranger)).words, first.words, 'with the same password');
  }
  t.not(read(form('user=a&pass=b', '/other')).who, read(form('user=a&pass=b')).who, 'another form');
  for (const body of [
    'user=a&pass=',
    'user=passenger',
    'compass',
    '{"pass":1}',
    '',
    '<Password>a</Password>',
  ])
    t.equal(read(form(body)).kind, 0, body);
  t.equal(read('GET /?user=a&pass=b HTTP/1.1\r\n\r\n').kind, 0, 'not posted');
  t.end();
});

t.test('passwords by header and to Redis; what carries none', (t) => {
  const get = (header: string): string => `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`;
  t.equal(read(get('Authorization: Basic YTpi')).kind, BY_BASIC);
  t.not(read(get('authorization:basic YTpi')).words, read(get('Authorization: Basic YTpj')).words);
  t.equal(read(get('Authorization: Digest username="a"')).kind, BY_DIGEST);
  const redis = [
    '*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n',
    '*2\r\n$4\r\nauth\r\n$2\r\npx\r\n',
    '*3\r\n$4\r\nAUTH\r\n$1\r\na\r\n$2\r\npw\r\n',
    '*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$1\r\nb\r\n$2\r\npw\r\n',
    'AUTH pw\r\n',
  ];
  for (const text of redis) {
    t.equal(read(text).kind, BY_REDIS, text);
    const piped = `${text}*2\r\n$6\r\nSELECT\r\n$1\r\n${text.length % 10}\r\n`;
    t.equal(read(piped).words, read(text).words, 'what follows is no part of it');
  }
  t.equal(new Set(redis.map((text) => read(text).words)).size, redis.length);
  for (const text of [
    '*1\r\n$4\r\nPING\r\n',
    get('Authorization: Bearer x'),
    '',
    '*',
    '\x16\x03\x01\x02\x00',
  ])
    t.equal(read(text).kind, 0, JSON.stringify(text));
  t.end();
});
