/** Small policies for the tests of this folder. */

export const POLICY = `version: 1
site: { name: Ward 7, networks: [10.20.0.0/16] }
devices:
  pump-1:
    identity: { macs: ["02:42:ac:11:00:02"], addresses: [10.20.0.2, "2001:db8::2"] }
    mode: enforce
    allow:
      - { direction: out, peer: { address: 10.20.0.5 }, protocol: tcp, ports: [104], essential: true, why: DICOM store }
      - { direction: out, peer: { address: "2001:db8::5" }, protocol: tcp, ports: [104], why: DICOM store }
`;

/** One entry more, one fewer. */
export const CHANGED_POLICY = POLICY.replace('"2001:db8::5"', '10.20.0.6').replace(
  '[104], why',
  '[2575], why',
);

/** Three mistakes. */
export const BAD_POLICY = `version: 1
site: { name: Ward 7 }
devices:
  pump-1:
    identity: { macs: ["02:42:ac:11:00"] }
    mode: enforce
    allow:
      - { direction: out, peer: { address: 10.20.0.300 }, protocol: tcp, ports: [70000], why: DICOM store }
`;

export const CONFIG = `box: ward-7
mode: bridge
devicePorts: [eth1]
networkPorts: [eth0]
`;
