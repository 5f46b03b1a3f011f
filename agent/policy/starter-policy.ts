/**
 * The policy a new box starts with: it watches and refuses nothing, so that dropping the box in front of a device harms
 * nobody. Written by scripts/install to /etc/cordon/policy.yaml; a test holds that it parses.
 */
export const STARTER_POLICY = `# Cordon policy. After editing:
#   cordon policy check /etc/cordon/policy.yaml
#   cordon policy apply /etc/cordon/policy.yaml      and, when everything works: cordon policy confirm
version: 1
site:
  name: My clinic
  # What counts as inside. Anything else is outside.
  networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "fc00::/7"]

# A new box watches whatever is behind it. Say "refuse" once every device is listed.
unknownDevices: observe

groups: {}
#  pacs:
#    - { address: 10.20.0.5 }

devices: {}
#  pump-1:
#    identity:
#      macs: ["00:03:b1:00:00:01"]
#      addresses: [10.20.1.17]
#    mode: observe                 # observe -> shadow -> enforce
#    make: Example
#    model: Infusion 3000
#    criticality: life-sustaining
#    allow:
#      - direction: out
#        peer: { group: pacs }
#        protocol: tcp
#        ports: [104]
#        essential: true           # goes on while the device is contained
#        why: sends dose records to the PACS
`;
