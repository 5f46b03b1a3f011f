/**
 * The inventory for other programs: CSV with every field, the CSV that NetBox takes for devices (NetBox 4 bulk import, `dcim.device`), and CycloneDX 1.6
 * (ECMA-424) of the software that was found, each with its confidence. Same inventory, same bytes. Pure.
 */
import { renderCsv } from './csv.js';
import type { DeviceRecord } from './device.js';
import { OPERATOR_FIELDS } from './operator-fields.js';

const WIRE_FIELDS = ['kind', 'make', 'model', 'serial', 'software', 'version', 'os', 'name', 'port'] as const;

export function exportCsv(devices: readonly DeviceRecord[]): string {
  const site = OPERATOR_FIELDS.filter((field) => !WIRE_FIELDS.some((wire) => wire === field));
  const heading = [
    'mac',
    'policyName',
    'addresses',
    ...WIRE_FIELDS,
    ...site,
    'roles',
    'services',
    'firstSeen',
    'lastSeen',
  ];
  return renderCsv([
    heading,
    ...devices.map((device) => [
      device.macs[0] ?? '',
      device.policyName ?? '',
      device.addresses.join(' '),
      ...WIRE_FIELDS.map((field) => device.fields[field]?.value ?? ''),
      ...site.map((field) => device.operator[field]?.value ?? ''),
      device.roles.join('; '),
      device.services.join(' '),
      timeText(device.firstMs),
      timeText(device.lastMs),
    ]),
  ]);
}

/** `site` must exist in NetBox, as must the makers, types and roles that the list names. */
export function exportNetbox(devices: readonly DeviceRecord[], site: string): string {
  const taken = new Set<string>();
  const heading = [
    ...['name', 'role', 'manufacturer', 'device_type', 'serial', 'asset_tag', 'platform', 'site', 'status'],
    'comments',
  ];
  return renderCsv([
    heading,
    ...devices.map((device) => {
      const { fields, operator } = device;
      const addresses = device.addresses.length === 0 ? '' : `, addresses ${device.addresses.join(' ')}`;
      return [
        freeName(taken, nameOf(device), device.id),
        fields.kind?.value ?? 'unknown',
        fields.make?.value ?? 'unknown',
        fields.model?.value ?? 'unknown',
        fields.serial?.value ?? '',
        operator.assetTag?.value ?? '',
        fields.os?.value ?? '',
        site,
        'active',
        `MAC ${device.macs.join(' ')}${addresses}`,
      ];
    }),
  ]);
}

/** NetBox wants the names of one site to differ. */
function freeName(taken: Set<string>, name: string, id: string): string {
  const free = taken.has(name.toLowerCase()) ? `${name} (${id})` : name;
  taken.add(free.toLowerCase());
  return free;
}

export function exportCycloneDx(devices: readonly DeviceRecord[], nowMs: number, version: string): object {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(nowMs).toISOString(),
      tools: { components: [{ type: 'application', name: 'cordon', version }] },
    },
    components: devices.map(deviceComponent),
  };
}

function deviceComponent(device: DeviceRecord): object {
  const { fields } = device;
  const software = [
    ...(fields.os === undefined
      ? []
      : [softwareComponent(device.id, 'operating-system', fields.os.value, null, fields.os.confidence)]),
    ...(fields.software === undefined
      ? []
      : [
          softwareComponent(
            device.id,
            'application',
            fields.software.value,
            fields.version?.value ?? null,
            fields.software.confidence,
          ),
        ]),
  ];
  return {
    type: 'device',
    'bom-ref': device.id,
    name: nameOf(device),
    ...(fields.make !== undefined && { manufacturer: { name: fields.make.value } }),
    ...(fields.kind !== undefined && { description: fields.kind.value }),
    properties: [
      ...(fields.model === undefined ? [] : [{ name: 'cordon:model', value: fields.model.value }]),
      ...(fields.serial === undefined ? [] : [{ name: 'cordon:serial', value: fields.serial.value }]),
      ...device.macs.map((value) => ({ name: 'cordon:mac', value })),
    ],
    ...(software.length > 0 && { components: software }),
  };
}

function softwareComponent(
  device: string,
  type: 'operating-system' | 'application',
  name: string,
  version: string | null,
  confidence: number,
): object {
  return {
    type,
    'bom-ref': `${device}/${type}`,
    name,
    ...(version !== null && { version }),
    evidence: {
      identity: [
        {
          field: 'name',
          confidence: confidence / 100,
          methods: [
            { technique: 'other', confidence: confidence / 100, value: 'passive network observation' },
          ],
        },
      ],
    },
  };
}

function nameOf({ policyName, fields, id }: DeviceRecord): string {
  return policyName ?? fields.name?.value ?? id;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
