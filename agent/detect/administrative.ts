/**
 * Services by which one machine is taken over from another: remote control, administration, and file sharing that starts programs. After
 * MITRE ATT&CK T1021 "Remote Services"; plain file transfer and printing (FTP, 9100) are not among them: they run nothing. Read by
 * lateral-contact.ts and worm-spread.ts. Pure.
 */
import { PROTOCOL_TCP } from '../packet/view.js';

/** Port to name, TCP. */
export const ADMINISTRATIVE: ReadonlyMap<number, string> = new Map([
  [22, 'SSH'],
  [23, 'Telnet'],
  [135, 'RPC'],
  [139, 'SMB'],
  [445, 'SMB'],
  [512, 'rexec'],
  [513, 'rlogin'],
  [514, 'rsh'],
  [1433, 'SQL Server'],
  [1521, 'Oracle'],
  [2222, 'SSH'],
  [2323, 'Telnet'],
  // The engine's interface without TLS takes orders from everybody, and who orders is root (Docker, "Protect the daemon socket").
  [2375, 'Docker'],
  [3306, 'MySQL'],
  [3389, 'RDP'],
  // Remote control that is usual for service by makers and by hospital IT, each by its registered or documented port.
  [4899, 'Radmin'],
  [5432, 'PostgreSQL'],
  // A shell without a password on Android panels and monitors; ADB.Miner and Satori's successors spread by it (2018).
  [5555, 'ADB'],
  [5631, 'pcAnywhere'],
  [5900, 'VNC'],
  // Displays 1 to 3 (RFC 6143 section 7: 5900 + N): second sessions on workstations.
  [5901, 'VNC'],
  [5902, 'VNC'],
  [5903, 'VNC'],
  [5938, 'TeamViewer'],
  [5985, 'WinRM'],
  [5986, 'WinRM'],
  [6129, 'DameWare'],
]);

/** `service` as `serviceOf` packs it. */
export function isAdministrative(service: number): boolean {
  return service >>> 16 === PROTOCOL_TCP && ADMINISTRATIVE.has(service & 0xffff);
}
