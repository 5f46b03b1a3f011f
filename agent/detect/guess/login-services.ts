/** Services at which passwords are guessed, by destination port, and what a guess looks like there in a connection's counters. Pure; read by brute-force.ts. */
import { bytesReceived, bytesSent, type DetectEvent } from '../event.js';

export interface Login {
  readonly name: string;
  /** How many times `attempts` it takes: a program that opens one connection per transaction is no guesser. */
  readonly factor: number;
  /** How much the sizes of guesses differ (logarithm of their ratio to the usual), and the share of connections that differ no more. */
  readonly alike: number;
  readonly alikeShare: number;
  /** Bytes of data in both directions, at most, of a login that was refused; 0 where a session that was let in may be as small. */
  readonly refusedBytes: number;
  /** Bytes that a guess sends at least; below it, somebody looked at the banner. */
  readonly leastBytes: number;
  /** Bytes of either direction at most: a person moves more. */
  readonly mostBytes: number;
  /** More than this in both directions is a session that was let in. */
  readonly mostBothWays: number;
  /** One opener to many hosts is told too. */
  readonly canSpray: boolean;
  /** So are many openers to one host: few people administrate a device, while a server has many clients. */
  readonly isAdministrative: boolean;
  /** What is counted. */
  readonly counts: typeof CONNECTIONS | typeof REFUSALS | typeof FORMS;
}

/** Connections that look like a guess; logins to which the server said no; forms of one name with ever other passwords, answered alike. */
export const CONNECTIONS = 0;
export const REFUSALS = 1;
export const FORMS = 2;
/** In words, by the above. */
export const COUNTED = [
  'short, alike connections to',
  'refused logins at',
  'logins with ever other passwords at',
] as const;

const MOST_BYTES = 24_000;
/** OpenSSH with its largest key exchange (sntrup761) and six passwords is below 6000 bytes in either direction, headers included. */
const SSH_BYTES = 6_000;
/** A failed AS exchange is small; one for a ticket carries another ticket (RFC 4120 sections 3.1 and 3.3). */
const KERBEROS_BYTES = 1_000;

/** Programs that take at least so many times `attempts` open a connection for each transaction. */
export const POLLING_FACTOR = 20;
/** Sizes within 35 %: another name, another number of tries, another number of packets. */
const ALIKE = 0.3;
const ALIKE_SHARE = 0.7;
/** Where every query has its connection, only what is asked and told varies: guesses differ by the length of a password, queries by their results. */
const POLLED_ALIKE = 0.06;
const POLLED_ALIKE_SHARE = 0.85;
/**
 * A greeting, a login and an error without TLS are 250 to 500 bytes, and 12 more for each packet with a timestamp (RFC 7323 section 3.2). A PostgreSQL
 * session that was let in starts with 400 bytes of parameters alone (its protocol, section 55.2.1), one of SQL Server with as much of tokens.
 */
const REFUSED_DATABASE_BYTES = 640;

const program = (name: string, factor: number, change: Partial<Login> = {}): Login => ({
  name,
  factor,
  alike: factor >= POLLING_FACTOR ? POLLED_ALIKE : ALIKE,
  alikeShare: factor >= POLLING_FACTOR ? POLLED_ALIKE_SHARE : ALIKE_SHARE,
  refusedBytes: 0,
  leastBytes: 0,
  mostBytes: MOST_BYTES,
  mostBothWays: MOST_BYTES,
  canSpray: factor < 10,
  isAdministrative: false,
  counts: CONNECTIONS,
  ...change,
});
const person = (name: string, leastBytes = 0, mostBothWays = MOST_BYTES): Login =>
  program(name, 1, { leastBytes, mostBothWays, isAdministrative: true });
const database = (name: string): Login =>
  program(name, POLLING_FACTOR, { refusedBytes: REFUSED_DATABASE_BYTES });

/** Times the count where an approved entry allows it, and so expects it to be used. */
export const ALLOWED_FACTOR = 2;

export const FTP_PORT = 21;
export const KERBEROS_PORT = 88;

/** SSH's key exchange alone sends more than 1000 bytes (RFC 4253 section 7.1). */
const LOGINS: ReadonlyMap<number, Login> = new Map([
  [22, person('SSH', 1000, SSH_BYTES)],
  [2222, person('SSH', 1000, SSH_BYTES)],
  [23, person('Telnet', 200)],
  [2323, person('Telnet', 200)],
  [512, person('rexec')],
  [513, person('rlogin')],
  [3389, person('RDP', 400)],
  // A port for each display (RFC 6143 section 7 leaves it to the user; 5900 and the display's number by custom).
  [5900, person('VNC', 200)],
  [5901, person('VNC', 200)],
  [5902, person('VNC', 200)],
  [5903, person('VNC', 200)],
  [5985, program('WinRM', 2)],
  [5986, program('WinRM', 2)],
  [FTP_PORT, program('FTP', 2)],
  [KERBEROS_PORT, program('Kerberos', 1, { mostBytes: KERBEROS_BYTES })],
  [139, program('SMB', 4)],
  [445, program('SMB', 4)],
  [25, program('SMTP', 6)],
  [465, program('SMTP', 6)],
  [587, program('SMTP', 6)],
  [110, program('POP3', 6)],
  [995, program('POP3', 6)],
  [143, program('IMAP', 6)],
  [993, program('IMAP', 6)],
  [5060, program('SIP', 10)],
  [389, program('LDAP', 20)],
  [636, program('LDAP', 20)],
  [1433, database('SQL Server')],
  [1521, database('Oracle')],
  [3306, database('MySQL')],
  [5432, database('PostgreSQL')],
  [80, program('HTTP', 60)],
  [443, program('HTTPS', 60)],
  [8080, program('HTTP', 60)],
  [8443, program('HTTPS', 60)],
]);

export function loginAt(port: number): Login | undefined {
  return LOGINS.get(port);
}

export function isTelnet(port: number): boolean {
  return port === 23 || port === 2323;
}

/**
 * Where the server itself says no, few are enough. A modality with a wrong AE title asks for its worklist twice a minute at most; a directory is asked by a
 * server with a wrong password for each of its users who logs in. A form that is answered
 * alike may have let them in: a program that computes its password anew polls every ten seconds at most.
 */
export const REFUSED_LOGINS = {
  HTTP: program('HTTP', 2, { counts: REFUSALS }),
  RTSP: program('RTSP', 2, { counts: REFUSALS }),
  DICOM: program('DICOM', 4, { counts: REFUSALS }),
  LDAP: program('LDAP', 10, { counts: REFUSALS }),
  MQTT: program('MQTT', 2, { counts: REFUSALS }),
  REDIS: program('Redis', 2, { counts: REFUSALS }),
  FORM: program('HTTP', 6, { counts: FORMS }),
} as const satisfies Record<string, Login>;

/** Of IP and TCP without options (RFC 9293 section 3.1). */
export function headerBytes(event: DetectEvent): number {
  return event.family === 6 ? HEADERS_IPV6 : HEADERS_IPV4;
}

const HEADERS_IPV4 = 40;
const HEADERS_IPV6 = 60;
/** A person stays longer. A minute, and one more by which the kernel may be late to say that a connection is over. */
const LONGEST_MS = 120_000;

/** Short and small, yet more than a look at the banner. */
export function isGuess(event: DetectEvent, login: Login): boolean {
  return (
    event.durationMs <= LONGEST_MS &&
    bytesSent(event) >= login.leastBytes &&
    event.bytesOut <= login.mostBytes &&
    event.bytesIn <= login.mostBytes &&
    Math.min(event.bytesOut, event.bytesIn) <= login.mostBothWays
  );
}

/** What both ends said, without headers of IP and TCP (RFC 9293 section 3.1, no options): how many packets acknowledge it is chance. */
export function dataBytes(event: DetectEvent): number {
  const headers = headerBytes(event);
  return Math.max(1, event.bytesOut + event.bytesIn - headers * (event.packetsOut + event.packetsIn));
}

/** A small question with a large answer: a ticket, so the password was right (RFC 4120 section 3.1.3). */
export function isTicket(event: DetectEvent): boolean {
  if (event.port !== KERBEROS_PORT) return false;
  return bytesSent(event) <= KERBEROS_BYTES && bytesReceived(event) > KERBEROS_BYTES;
}
