/** The policy of a box that nobody has configured yet: written by `make install`, and only where there is none. */

export const STARTER_POLICY = `# What each device behind this box may talk to. Anything that no entry permits is refused.
#   cordon policy check FILE     every problem at once
#   cordon policy apply FILE     rolled back unless confirmed within 120 seconds
version: 1

site:
  name: Unnamed site
  # What counts as inside; anything else is outside.
  networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "fc00::/7"]

# A device that is not named below. "observe" reports what it does and refuses nothing, so that putting the box in
# interrupts no one. Write "refuse" once every device is named.
unknownDevices: observe

# Names for several addresses at once, to be used as a peer.
groups: {}
#  pacs:
#    - address: 10.20.0.5
#    - network: 2001:db8:20::/64

devices: {}
#  pump-1:
#    identity:
#      macs: ["02:42:ac:11:00:02"]
#      addresses: [10.20.1.11]      # leave out where it changes: learnt from the wire
#    mode: observe                  # then shadow, then enforce
#    make: Example
#    model: Infusion pump
#    location: Ward 3
#    criticality: life-sustaining
#    holdsPhi: "yes"
#    allow:
#      - direction: out
#        peer: { group: pacs }
#        protocol: tcp
#        ports: [104, 11112]
#        why: DICOM store to the archive
#      - direction: out
#        peer: { address: 10.20.0.7 }
#        protocol: tcp
#        ports: [2575]
#        essential: true            # goes on while the device is contained
#        why: dose orders over HL7
`;
