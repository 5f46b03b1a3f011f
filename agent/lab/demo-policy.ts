/** The policy of the demo, as a clinic would write it. A test holds that it has no problems. */
import { HOSPITAL, PUMP, type LabMode } from './network-lab.js';

export function demoPolicy(mode: LabMode, pumpMac: string): string {
  const [address4, address6] = PUMP[mode];
  return `version: 1
site:
  name: Demo hospital
  networks: [10.77.0.0/16, 10.78.0.0/16, "fd77::/64", "fd78::/64"]
unknownDevices: refuse
groups:
  servers:
    - { address: ${HOSPITAL[0]} }
    - { address: "${HOSPITAL[1]}" }
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${address4}, "${address6}"] }
    mode: enforce
    make: Example
    model: Infusion 3000
    location: Ward 3, bed 12
    criticality: life-sustaining
    holdsPhi: "yes"
    allow:
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [2575], essential: true, why: "HL7: doses and alarms" }
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [104], why: "DICOM: screenshots to the PACS" }
      - { direction: out, peer: { group: servers }, protocol: udp, ports: [123], why: "NTP: the time on every record" }
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [8080], why: "drug library download" }
`;
}
