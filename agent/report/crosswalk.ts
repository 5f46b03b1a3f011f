/**
 * Where a report touches the HIPAA Security Rule (45 CFR part 164, subpart C), section by section, and what it leaves to others. Said in our words: the rule's own text
 * counts. Of the proposed rule (90 FR 898) only the subject and the section are named: paragraphs may change before it is final, if it ever is. Pure data.
 */
export interface CrosswalkRow {
  readonly section: string;
  readonly subject: string;
  /** Which sections of the report bear on it. */
  readonly here: string;
  /** What it does not give. */
  readonly leaves: string;
}

export const RULE: readonly CrosswalkRow[] = [
  {
    section: '164.308(a)(1)(ii)(A)',
    subject: 'Risk analysis',
    here: '2 Inventory, 3 Network map, 4 Risk ranking',
    leaves: 'only devices behind this box; no analysis of people, premises and applications',
  },
  {
    section: '164.308(a)(1)(ii)(B)',
    subject: 'Risk management',
    here: '4 Risk ranking (with and without the box), 5 Segmentation plan, 8 End-of-life plan',
    leaves: 'which risk is acceptable is for the organisation to decide and to sign',
  },
  {
    section: '164.308(a)(1)(ii)(D)',
    subject: 'Information system activity review',
    here: '7 Activity and incidents',
    leaves: 'that somebody reviews it regularly, and when',
  },
  {
    section: '164.308(a)(6)(ii)',
    subject: 'Response and reporting of security incidents',
    here: '6 Containment procedure, 7 Activity and incidents',
    leaves: 'notification, forensics and what follows from an incident',
  },
  {
    section: '164.308(a)(7)',
    subject: 'Contingency plan',
    here: '6 Containment procedure: what goes on for a patient when a device is contained',
    leaves: 'back-up, disaster recovery and emergency mode of the devices themselves',
  },
  {
    section: '164.310(d)',
    subject: 'Device and media controls',
    here: '2 Inventory (owner, location), 8 End-of-life plan, 9 Contacts',
    leaves: 'disposal, re-use and movements of devices and media',
  },
  {
    section: '164.312(a)(1)',
    subject: 'Access control',
    here: '5 Segmentation plan: which programs on the network may reach a device',
    leaves: 'users and their rights on the devices',
  },
  {
    section: '164.312(a)(2)(ii)',
    subject: 'Emergency access procedure',
    here: '6 Containment procedure: essential entries go on, and how a device is released',
    leaves: 'access to records on the devices in an emergency',
  },
  {
    section: '164.312(b)',
    subject: 'Audit controls',
    here: '7 Activity and incidents: a chained log and its verification',
    leaves: 'activity inside the devices: only what crosses the box is seen',
  },
  {
    section: '164.312(c)(1)',
    subject: 'Integrity',
    here: '5 Segmentation plan: who can write to a device at all',
    leaves:
      'the integrity of records; protocols in the clear can be changed on the way (4 Risk ranking names them)',
  },
  {
    section: '164.312(e)(1)',
    subject: 'Transmission security',
    here: '3 Network map, 4 Risk ranking: which protocols are in the clear',
    leaves: 'encryption: the box does not encrypt what a device sends',
  },
  {
    section: '164.316(b)(2)(i)',
    subject: 'Retention of documentation',
    here: '7 Activity and incidents: kept six years; this report carries a hash',
    leaves: 'keeping this report, and everything else that is to be kept',
  },
];

export const PROPOSED: readonly CrosswalkRow[] = [
  {
    section: 'proposed 164.308',
    subject: 'Technology asset inventory and network map',
    here: '2 Inventory, 3 Network map',
    leaves: 'assets that are not behind this box',
  },
  {
    section: 'proposed 164.308',
    subject: 'Risk analysis in writing, with likelihood and impact of each threat',
    here: '4 Risk ranking',
    leaves: 'as above',
  },
  {
    section: 'proposed 164.308',
    subject: 'Patch management, and compensating controls where there is no patch',
    here: '4 Risk ranking, 5 Segmentation plan, 8 End-of-life plan',
    leaves: 'patching',
  },
  {
    section: 'proposed 164.308',
    subject: 'Incident response and contingency plans in writing',
    here: '6 Containment procedure',
    leaves: 'restoring systems within a set time',
  },
  {
    section: 'proposed 164.312',
    subject: 'Network segmentation',
    here: '5 Segmentation plan',
    leaves: 'segments of the network without such a box',
  },
  {
    section: 'proposed 164.312',
    subject: 'Audit trail and system log controls',
    here: '7 Activity and incidents',
    leaves: 'logs of the devices',
  },
];
