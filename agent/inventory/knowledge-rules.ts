/**
 * The fingerprint rules as YAML, read by knowledge.ts. Of the rules of one source the first that matches counts. Sources: option texts as vendors send
 * them, UID roots that vendors registered (DICOM PS3.4 annex B for SOP classes), the parameter lists and SYN shapes that stacks are known by.
 */
export const KNOWLEDGE_RULES = String.raw`
# --- Who registered the MAC's prefix, as makers.ts names them: what they make for clinics, where that is one thing
- { from: oui, matches: '^(VMware|VirtualBox|Xen|QEMU|Parallels|Nutanix|Microsoft Hyper-V)$', gives: { kind: virtual machine }, confidence: 45 }
- { from: oui, matches: '^(BD|ICU Medical|Smiths Medical|Smiths US|B\. Braun|Fresenius Kabi|Baxter)', gives: { kind: infusion pump }, confidence: 30 }
- { from: oui, matches: '^(Masimo|Welch Allyn|Spacelabs|Nihon Kohden|Mindray|Philips Patient|Draeger Medical|Dräger|Edan)', gives: { kind: patient monitor }, confidence: 25 }
- { from: oui, matches: '^(Abbott (Diag|Point)|Roche Diag|Sysmex|Beckman|Radiometer|bioMerieux|Siemens Healthineers)', gives: { kind: laboratory analyzer }, confidence: 25 }
- { from: oui, matches: '^(ResMed|Hamilton Bonaduz|Maquet Critical)', gives: { kind: ventilator }, confidence: 25 }
- { from: oui, matches: '^(Mortara|Schiller|Fukuda Denshi)', gives: { kind: ECG recorder }, confidence: 25 }
- { from: oui, matches: '^Fresenius Medical Care', gives: { kind: dialysis machine }, confidence: 25 }
- { from: oui, matches: '^(Check Point|Juniper|Arista|Fortinet|Palo Alto Networks|Extreme Networks|Ruckus|Aruba|Ubiquiti|Netgear|MikroTik|Routerboard|Zyxel|eero|AVM|Technicolor|Vantiva|Sagemcom|Westermo|Hirschmann)', gives: { kind: network equipment }, confidence: 40 }
- { from: oui, matches: '^(Lexmark|Brother Industries|Kyocera|Oki (Data|Electric)|Seiko Epson|Zebra)', gives: { kind: printer }, confidence: 35 }
- { from: oui, matches: '^(Axis Communications|Hangzhou Hikvision|Zhejiang Dahua|Hanwha|Mobotix)', gives: { kind: camera }, confidence: 35 }
- { from: oui, matches: '^(Grandstream|Polycom|Yealink|Snom|Mitel|Ascom|Spectralink)', gives: { kind: telephone }, confidence: 35 }
- { from: oui, matches: '^(Sonos|Roku|Bose)', gives: { kind: media player }, confidence: 40 }
- { from: oui, matches: '^(QNAP|Synology)', gives: { kind: file server }, confidence: 40 }
- { from: oui, matches: '^(Clevo|Dell|Lenovo|LCFC|Wacom|Framework)', gives: { kind: computer }, confidence: 25 }
- { from: oui, matches: '^(Rosemount|Emerson|Alerton|Rockwell|Beckhoff|WAGO|Phoenix Contact|Schneider Electric|B&R Industrial)', gives: { kind: PLC or controller }, confidence: 30 }
- { from: oui, matches: '^(Nest Labs|Ecobee|Netatmo|Belkin|Philips Lighting|Signify|Ring|Wyze|SmartThings|Tuya)', gives: { kind: home automation }, confidence: 30 }
- { from: oui, matches: '^(APC|American Power Conversion|Eaton)', gives: { kind: power supply }, confidence: 35 }

# --- DHCP vendor class (option 60): the operating system's client, or the device itself
- { from: dhcp4.vendor-class, matches: '^MSFT 5\.0', gives: { os: Windows }, confidence: 60 }
- { from: dhcp4.vendor-class, matches: '^MSFT 98', gives: { os: Windows 98 }, confidence: 65 }
- { from: dhcp4.vendor-class, matches: '^Microsoft Windows CE', gives: { os: Windows CE }, confidence: 70 }
- { from: dhcp4.vendor-class, matches: '^android-dhcp-(\d+)', gives: { os: Android $1, kind: mobile device }, confidence: 65 }
- { from: dhcp4.vendor-class, matches: '^dhcpcd-([\d.]+):Linux-([\d.]+)', gives: { os: Linux $2 }, confidence: 70 }
- { from: dhcp4.vendor-class, matches: '^dhcpcd', gives: { os: Linux }, confidence: 30 }
- { from: dhcp4.vendor-class, matches: '^udhcp', gives: { os: Linux, software: BusyBox }, confidence: 55 }
- { from: dhcp4.vendor-class, matches: '^Hewlett-Packard JetDirect', gives: { kind: printer, make: Hewlett Packard }, confidence: 80 }
- { from: dhcp4.vendor-class, matches: '^Hewlett-Packard LaserJet', gives: { kind: printer, make: Hewlett Packard }, confidence: 80 }
- { from: dhcp4.vendor-class, matches: '^AXIS,(Network Camera),([^,]+)', gives: { kind: camera, make: Axis Communications, model: $2 }, confidence: 85 }
- { from: dhcp4.vendor-class, matches: '^Cisco Systems, Inc\. IP Phone (\S+)', gives: { kind: telephone, make: Cisco, model: $1 }, confidence: 80 }
- { from: dhcp4.vendor-class, matches: '^(Arista|ArubaAP|Aruba|Juniper|Ruckus|Meraki|Ubiquiti|Fortinet|Extreme)\b', gives: { kind: network equipment, make: $1 }, confidence: 65 }
- { from: dhcp4.vendor-class, matches: '^ubnt', gives: { kind: network equipment, make: Ubiquiti }, confidence: 65 }
- { from: dhcp4.vendor-class, matches: '^(?:Mfg=)?(Xerox|Lexmark|Ricoh|Brother|Canon|Kyocera|EPSON)', gives: { kind: printer, make: $1 }, confidence: 70 }
- { from: dhcp4.vendor-class, matches: '^(?:Grandstream|GRANDSTREAM) ?(\S*)', gives: { kind: telephone, make: Grandstream, model: $1 }, confidence: 75 }
- { from: dhcp4.vendor-class, matches: '^(?:VxWorks|WindRiver)', gives: { os: VxWorks }, confidence: 70 }
- { from: dhcp4.vendor-class, matches: '^SIMATIC', gives: { kind: PLC, make: Siemens }, confidence: 70 }
- { from: dhcp4.vendor-class, matches: '^Microsoft Windows NT', gives: { os: Windows NT 4 }, confidence: 55 }
- { from: dhcp4.vendor-class, matches: '^Cisco (AP|Systems)', gives: { kind: network equipment, make: Cisco }, confidence: 60 }
- { from: dhcp4.vendor-class, matches: '^(Polycom|yealink)', gives: { kind: telephone, make: $1 }, confidence: 75 }
- { from: dhcp4.vendor-class, matches: '^PXEClient', gives: { software: PXE boot }, confidence: 30 }

# --- Host names that a maker's firmware sets
- { from: dhcp4.host-name, matches: '^android-[0-9a-f]{8,}', gives: { os: Android, kind: mobile device }, confidence: 60 }
- { from: dhcp4.host-name, matches: '^(ESP|espressif)[_-]?[0-9A-F]{0,6}$', gives: { interface: Espressif, kind: embedded module }, confidence: 30 }
- { from: [dhcp4.host-name, mdns.host], matches: '(MacBook|iMac|Mac-?mini|MacPro)', gives: { make: Apple, kind: computer }, confidence: 50 }
- { from: [dhcp4.host-name, mdns.host], matches: '(iPhone|iPad|iPod)', gives: { make: Apple, kind: mobile device, os: Apple iOS }, confidence: 55 }
- { from: dhcp4.host-name, matches: '(Galaxy|Redmi|OnePlus|Pixel)-', gives: { kind: mobile device, os: Android }, confidence: 50 }
- { from: dhcp4.host-name, matches: '^(raspberrypi)', gives: { make: Raspberry Pi }, confidence: 50 }
- { from: dhcp4.host-name, matches: '^(ubuntu|debian|fedora|kali|centos|pop-os|archlinux)', gives: { os: Linux, kind: computer }, confidence: 45 }
- { from: dhcp4.host-name, matches: '^(?:Tapo_?)?((?:P1|KP|HS1|EP)\d{2,3})\b', gives: { kind: smart plug, model: $1 }, confidence: 45 }
- { from: dhcp4.host-name, matches: '^(wemo|hue|tuya|sonoff|shelly|meross|netatmo|nest|ecobee|ring|wyze|sifely|smartthings)[-_]?', gives: { make: $1, kind: home automation }, confidence: 45 }
- { from: dhcp4.host-name, matches: '^(SEP[0-9A-F]{12})$', gives: { make: Cisco, kind: telephone }, confidence: 65 }
- { from: dhcp4.host-name, matches: '^(EPSON|Canon|KM|RNP|XRX|ET)[0-9A-F]{6,12}$', gives: { kind: printer }, confidence: 60 }
- { from: dhcp4.host-name, matches: '^axis-[0-9a-f]{12}$', gives: { make: Axis Communications, kind: camera }, confidence: 65 }
- { from: dhcp4.assigned-name, matches: '^(sifely|wemo|hue|tuya|sonoff|shelly|meross|netatmo|nest|ecobee|ring|wyze|smartthings)[-_]?', gives: { make: $1, kind: home automation }, confidence: 40 }
- { from: mdns.host, matches: '^(BRN|BRW|NPI|EPSON|Canon)[0-9A-F]{6,12}$', gives: { kind: printer }, confidence: 60 }
- { from: llmnr.name, matches: '.', gives: { os: Windows }, confidence: 30 }
- { from: dhcp4.host-name, matches: '^(Schlage)$', gives: { make: $1, kind: door lock }, confidence: 55 }
- { from: dhcp4.host-name, matches: '^(DESKTOP|LAPTOP)-[0-9A-Z]{7}$', gives: { os: Windows 10 or later, kind: computer }, confidence: 50 }
- { from: dhcp4.host-name, matches: '^NPI[0-9A-F]{6}$', gives: { make: Hewlett Packard, kind: printer }, confidence: 65 }
- { from: dhcp4.host-name, matches: '^BRN[0-9A-F]{12}$', gives: { make: Brother, kind: printer }, confidence: 65 }

# --- DHCP parameter request list (option 55): a fixed order for each client
- { from: dhcp4.parameter-list, matches: '^1,3,6,15,31,33,43,44,46,47,119,121,249,252$', gives: { os: Windows 10 or later }, confidence: 60 }
- { from: dhcp4.parameter-list, matches: '^1,15,3,6,44,46,47,31,33,121,249,(252,)?43(,252)?$', gives: { os: Windows 7 or 8 }, confidence: 60 }
- { from: dhcp4.parameter-list, matches: '^1,15,3,6,44,46,47,31,33,249,43(,252)?(,12)?$', gives: { os: Windows XP }, confidence: 60 }
- { from: dhcp4.parameter-list, matches: '^1,121,3,6,15,(108,)?(114,)?119,(162,)?252', gives: { os: Apple iOS or macOS }, confidence: 55 }
- { from: dhcp4.parameter-list, matches: '^1,3,6,15,26,28,51,58,59', gives: { os: Android }, confidence: 50 }
- { from: dhcp4.parameter-list, matches: '^1,28,2,3,15,6,12(,|$)', gives: { os: Linux }, confidence: 35 }
- { from: dhcp4.parameter-list, matches: '^1,28,2,3,15,6,(119,)?12,44,47', gives: { os: Linux }, confidence: 45 }

# --- DHCPv6 vendor class: enterprise number (IANA) and text
- { from: dhcp6.vendor-class, matches: '^311 MSFT', gives: { os: Windows }, confidence: 60 }

# --- DICOM implementation class UID (PS3.8 annex D): who wrote the DICOM part
- { from: dicom.implementation-class, matches: '^1\.2\.276\.0\.7230010\.3', gives: { software: OFFIS DCMTK }, confidence: 50 }
- { from: dicom.implementation-class, matches: '^1\.2\.40\.0\.13\.1', gives: { software: dcm4che }, confidence: 50 }
- { from: dicom.implementation-class, matches: '^1\.2\.826\.0\.1\.3680043\.9\.3811', gives: { software: pynetdicom }, confidence: 50 }
- { from: dicom.implementation-class, matches: '^1\.2\.840\.113619', gives: { make: GE Healthcare }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.3\.12\.2\.1107', gives: { make: Siemens Healthineers }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.3\.46\.670589', gives: { make: Philips }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.392\.200036\.9116', gives: { make: Canon Medical }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.392\.200036\.9125', gives: { make: Fujifilm }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.392\.200036\.9107', gives: { make: Konica Minolta }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.840\.113681', gives: { make: Hologic }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.840\.113564', gives: { make: Carestream }, confidence: 75 }
- { from: dicom.implementation-class, matches: '^1\.2\.156\.112605', gives: { make: Mindray }, confidence: 70 }
- { from: dicom.implementation-class, matches: '^1\.3\.51\.', gives: { make: Agfa }, confidence: 70 }
- { from: dicom.implementation-class, matches: '^1\.2\.752\.24\.', gives: { make: Sectra, kind: PACS or viewer }, confidence: 70 }
- { from: dicom.implementation-version, matches: '^OFFIS_DCMTK_(\d)(\d)(\d)', gives: { software: OFFIS DCMTK, version: $1.$2.$3 }, confidence: 65 }
- { from: dicom.implementation-version, matches: '^ORTHANC_?([\d.]*)', gives: { software: Orthanc, version: $1, kind: PACS or viewer }, confidence: 75 }
- { from: dicom.implementation-version, matches: '^dcm4che-([\d.]+)', gives: { software: dcm4che, version: $1 }, confidence: 60 }
- { from: dicom.implementation-version, matches: '^PYNETDICOM_(\d)(\d)(\d)?', gives: { software: pynetdicom, version: $1.$2.$3 }, confidence: 60 }
- { from: dicom.implementation-version, matches: 'CONQUEST', gives: { software: Conquest, kind: PACS or viewer }, confidence: 70 }

# --- DICOM: the modalities of the storage classes that a client proposes (wire/dicom-modality.ts), and services
- { from: dicom.modality, matches: '^many$', gives: { kind: PACS or viewer }, confidence: 40 }
- { from: dicom.modality, matches: '^CT$', gives: { kind: CT scanner }, confidence: 60 }
- { from: dicom.modality, matches: '^CT\+PT$', gives: { kind: PET/CT scanner }, confidence: 60 }
- { from: dicom.modality, matches: '^(CT\+NM|NM)$', gives: { kind: nuclear medicine }, confidence: 60 }
- { from: dicom.modality, matches: '^MR$', gives: { kind: MR scanner }, confidence: 60 }
- { from: dicom.modality, matches: '^MR\+PT$', gives: { kind: PET/MR scanner }, confidence: 60 }
- { from: dicom.modality, matches: '^PT$', gives: { kind: PET scanner }, confidence: 60 }
- { from: dicom.modality, matches: '^US$', gives: { kind: ultrasound }, confidence: 65 }
- { from: dicom.modality, matches: '^CR$', gives: { kind: computed radiography }, confidence: 60 }
- { from: dicom.modality, matches: '^(CR\+)?DX$', gives: { kind: digital X-ray }, confidence: 60 }
- { from: dicom.modality, matches: '^(DX\+)?MG$', gives: { kind: mammography }, confidence: 65 }
- { from: dicom.modality, matches: '^IO$', gives: { kind: dental X-ray }, confidence: 65 }
- { from: dicom.modality, matches: '^(DX\+)?XA$', gives: { kind: X-ray angiography or fluoroscopy }, confidence: 60 }
- { from: dicom.modality, matches: '^(CT\+(DX\+)?XA)$', gives: { kind: X-ray angiography or fluoroscopy }, confidence: 45 }
- { from: dicom.modality, matches: '^ECG$', gives: { kind: ECG recorder }, confidence: 60 }
- { from: dicom.modality, matches: '^(ECG\+)?(EPS|HD)', gives: { kind: haemodynamic recorder }, confidence: 60 }
- { from: dicom.modality, matches: '^ES$', gives: { kind: endoscopy }, confidence: 60 }
- { from: dicom.modality, matches: '^(GM|SM|GM\+SM)$', gives: { kind: microscopy }, confidence: 60 }
- { from: dicom.modality, matches: '^OP$', gives: { kind: ophthalmic imaging }, confidence: 60 }
- { from: dicom.modality, matches: '^(CT\+)?RT$', gives: { kind: radiotherapy system }, confidence: 60 }
- { from: dicom.sop-class, matches: '^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7$', gives: { role: secondary capture }, confidence: 60 }
- { from: dicom.sop-class, matches: '^1\.2\.840\.10008\.5\.1\.4\.31$', gives: { role: worklist client }, confidence: 70 }
- { from: dicom.sop-class, matches: '^1\.2\.840\.10008\.5\.1\.4\.1\.2\.[123]\.', gives: { role: query and retrieve client }, confidence: 70 }

# --- HL7: what the sender is for, and its name
- { from: hl7.message-type, matches: '^ORU\^R40', gives: { kind: alarm reporter }, confidence: 45 }
- { from: hl7.message-type, matches: '^OUL\^R2', gives: { kind: laboratory analyzer }, confidence: 50 }
- { from: hl7.message-type, matches: '^(ADT|SIU|BAR|DFT)', gives: { kind: hospital information system }, confidence: 45 }
- { from: hl7.message-type, matches: '^RGV', gives: { kind: infusion server }, confidence: 45 }
- { from: hl7.application, matches: 'ALARIS', gives: { make: BD, model: Alaris, kind: infusion server }, confidence: 65 }
- { from: hl7.application, matches: 'INTELLIVUE|^PIIC', gives: { make: Philips, model: IntelliVue, kind: patient monitor }, confidence: 65 }
- { from: hl7.application, matches: 'CARESCAPE', gives: { make: GE Healthcare, model: CARESCAPE, kind: patient monitor }, confidence: 65 }
- { from: hl7.application, matches: 'PLUM|HOSPIRA|MEDNET', gives: { make: ICU Medical, kind: infusion pump }, confidence: 60 }
- { from: hl7.application, matches: 'MINDRAY', gives: { make: Mindray }, confidence: 60 }
- { from: hl7.application, matches: 'DRAEGER|INFINITY', gives: { make: Dräger }, confidence: 55 }
- { from: hl7.application, matches: '^MIRTH', gives: { software: Mirth Connect, kind: integration engine }, confidence: 65 }

# --- SNMP sysDescr and sysObjectID (enterprise numbers: IANA)
- { from: snmp.description, matches: 'VxWorks ?(?:SNMPv\S+ )?([\d.]*)', gives: { os: VxWorks $1 }, confidence: 75 }
- { from: snmp.description, matches: 'QNX ?(?:Neutrino)? ?([\d.]*)', gives: { os: QNX $1 }, confidence: 75 }
- { from: snmp.description, matches: 'Windows .*Version ([\d.]+)', gives: { os: Windows $1 }, confidence: 70 }
- { from: snmp.description, matches: '^Linux \S+ ([\d.]+)', gives: { os: Linux $1 }, confidence: 75 }
- { from: snmp.description, matches: 'JETDIRECT|HP ETHERNET MULTI-ENVIRONMENT', gives: { kind: printer, make: Hewlett Packard }, confidence: 80 }
- { from: snmp.description, matches: '^Cisco IOS Software.*Version ([^,\s]+)', gives: { kind: network equipment, make: Cisco, software: IOS, version: $1 }, confidence: 80 }
- { from: snmp.description, matches: '^(Brother|RICOH|Lexmark|Xerox|Canon|KYOCERA|EPSON)\b', gives: { kind: printer, make: $1 }, confidence: 70 }
- { from: snmp.description, matches: 'Siemens, SIMATIC', gives: { kind: PLC, make: Siemens }, confidence: 80 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.11\.2\.3\.9\.1', gives: { kind: printer, make: Hewlett Packard }, confidence: 80 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.9\.', gives: { make: Cisco }, confidence: 75 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.311\.1\.1\.3\.1\.(\d)', gives: { make: Microsoft, os: Windows }, confidence: 65 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.8072\.3\.2\.10', gives: { os: Linux, software: Net-SNMP }, confidence: 65 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.2001\.', gives: { kind: printer, make: Oki Data }, confidence: 75 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.2435\.', gives: { kind: printer, make: Brother }, confidence: 75 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.641\.', gives: { kind: printer, make: Lexmark }, confidence: 75 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.253\.', gives: { kind: printer, make: Xerox }, confidence: 70 }
- { from: snmp.object-id, matches: '^1\.3\.6\.1\.4\.1\.318\.', gives: { kind: power supply, make: APC }, confidence: 75 }

# --- Whose private variables an agent answers, or whose number its engine id has (IANA private enterprise numbers)
- { from: snmp.enterprise, matches: '^9$', gives: { make: Cisco, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^11$', gives: { make: Hewlett Packard }, confidence: 50 }
- { from: snmp.enterprise, matches: '^(253|297)$', gives: { make: Xerox, kind: printer }, confidence: 45 }
- { from: snmp.enterprise, matches: '^318$', gives: { make: APC, kind: power supply }, confidence: 55 }
- { from: snmp.enterprise, matches: '^367$', gives: { make: Ricoh, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^534$', gives: { make: Eaton, kind: power supply }, confidence: 55 }
- { from: snmp.enterprise, matches: '^641$', gives: { make: Lexmark, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^674$', gives: { make: Dell }, confidence: 55 }
- { from: snmp.enterprise, matches: '^1248$', gives: { make: Epson, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^1347$', gives: { make: Kyocera, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^1588$', gives: { make: Brocade, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^1916$', gives: { make: Extreme Networks, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^2001$', gives: { make: Oki Data, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^2435$', gives: { make: Brother, kind: printer }, confidence: 55 }
- { from: snmp.enterprise, matches: '^2636$', gives: { make: Juniper, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^4329$', gives: { make: Siemens }, confidence: 55 }
- { from: snmp.enterprise, matches: '^6574$', gives: { make: Synology, kind: file server }, confidence: 60 }
- { from: snmp.enterprise, matches: '^8072$', gives: { software: Net-SNMP }, confidence: 50 }
- { from: snmp.enterprise, matches: '^12356$', gives: { make: Fortinet, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^14988$', gives: { make: MikroTik, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^25461$', gives: { make: Palo Alto Networks, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^30065$', gives: { make: Arista, kind: network equipment }, confidence: 55 }
- { from: snmp.enterprise, matches: '^41112$', gives: { make: Ubiquiti, kind: network equipment }, confidence: 55 }

# --- SMB and NTLM: Windows says which one it is
- { from: smb.native-os, matches: '^Windows 4\.0', gives: { os: Windows 95 or 98 or NT 4 }, confidence: 60 }
- { from: smb.native-os, matches: '^Windows 5\.0', gives: { os: Windows 2000 }, confidence: 75 }
- { from: smb.native-os, matches: '^Windows 5\.1', gives: { os: Windows XP }, confidence: 75 }
- { from: smb.native-os, matches: '^Windows NT 4', gives: { os: Windows NT 4 }, confidence: 75 }
- { from: smb.native-os, matches: '^Windows (2000|2002|XP|Vista|7|8|8\.1|10)\b.*?(Service Pack \d)?$', gives: { os: Windows $1 $2 }, confidence: 80 }
- { from: smb.native-os, matches: '^(Windows Server .*?)(?: \d{4,5}.*)?$', gives: { os: $1, kind: server }, confidence: 80 }
- { from: smb.native-os, matches: '^Mac OS X ?([\d.]*)', gives: { os: macOS $1, kind: computer }, confidence: 80 }
- { from: smb.native-os, matches: '^QTS', gives: { os: QTS, make: QNAP, kind: file server }, confidence: 75 }
- { from: smb.native-os, matches: '^Unix', gives: { os: Unix }, confidence: 50 }
- { from: smb.native-lan-manager, matches: '^Samba ([\d.]+)', gives: { software: Samba, version: $1 }, confidence: 75 }
- { from: ntlm.version, matches: '^5\.1\.2600', gives: { os: Windows XP }, confidence: 80 }
- { from: ntlm.version, matches: '^5\.2\.3790', gives: { os: Windows Server 2003 }, confidence: 80 }
- { from: ntlm.version, matches: '^6\.0\.', gives: { os: Windows Vista or Server 2008 }, confidence: 75 }
- { from: ntlm.version, matches: '^6\.1\.7601', gives: { os: Windows 7 or Server 2008 R2 }, confidence: 75 }
# macOS sends this one, too
- { from: ntlm.version, matches: '^6\.1\.7600', gives: { os: Windows 7 or Server 2008 R2 }, confidence: 45 }
- { from: ntlm.version, matches: '^6\.2\.9200', gives: { os: Windows 8 or Server 2012 }, confidence: 75 }
- { from: ntlm.version, matches: '^6\.3\.9600', gives: { os: Windows 8.1 or Server 2012 R2 }, confidence: 75 }
- { from: ntlm.version, matches: '^10\.0\.2[2-6]\d{3}', gives: { os: Windows 11 or Server 2025 }, confidence: 60 }
- { from: ntlm.version, matches: '^10\.0\.(\d+)', gives: { os: Windows 10 or later, version: 10.0.$1 }, confidence: 75 }
- { from: netbios.version, matches: '^5\.0', gives: { os: Windows 2000 }, confidence: 60 }
- { from: netbios.version, matches: '^5\.1', gives: { os: Windows XP }, confidence: 60 }
- { from: netbios.version, matches: '^6\.0', gives: { os: Windows Vista or Server 2008 }, confidence: 55 }
- { from: netbios.version, matches: '^6\.1', gives: { os: Windows 7 or Server 2008 R2 }, confidence: 55 }
- { from: nbns.role, matches: '^(domain controller)', gives: { role: $1, kind: server }, confidence: 65 }
- { from: nbns.role, matches: '^(.+)', gives: { role: $1 }, confidence: 60 }
- { from: rdp.client-build, matches: '^2600$', gives: { os: Windows XP }, confidence: 65 }
- { from: rdp.client-build, matches: '^3790$', gives: { os: Windows Server 2003 }, confidence: 65 }
- { from: rdp.client-build, matches: '^600[012]$', gives: { os: Windows Vista or Server 2008 }, confidence: 60 }
- { from: rdp.client-build, matches: '^760[01]$', gives: { os: Windows 7 or Server 2008 R2 }, confidence: 60 }
- { from: rdp.client-build, matches: '^9600$', gives: { os: Windows 8.1 or Server 2012 R2 }, confidence: 60 }
- { from: rdp.client-build, matches: '^1\d{4}$', gives: { os: Windows 10 or later }, confidence: 60 }

# --- Services on the link
- { from: mdns.service, matches: '^_(ipp|ipps|printer|pdl-datastream)\._tcp', gives: { kind: printer }, confidence: 75 }
- { from: mdns.service, matches: '^_(uscan|uscans|scanner)\._tcp', gives: { role: scanner }, confidence: 70 }
- { from: mdns.service, matches: '^_(airplay|raop|appletv-v2)\._tcp', gives: { role: AirPlay receiver }, confidence: 60 }
- { from: mdns.service, matches: '^_googlecast\._tcp', gives: { kind: media player, role: Google Cast }, confidence: 65 }
- { from: mdns.service, matches: '^_hap\._tcp', gives: { kind: home automation }, confidence: 55 }
- { from: mdns.service, matches: '^_axis-video\._tcp', gives: { kind: camera, make: Axis Communications }, confidence: 85 }
- { from: mdns.service, matches: '^_(dicom|acr-nema)\._tcp', gives: { role: DICOM server }, confidence: 75 }
- { from: mdns.service, matches: '^_apple-mobdev', gives: { make: Apple, kind: mobile device }, confidence: 60 }
- { from: mdns.service, matches: '^_workstation\._tcp', gives: { os: Linux }, confidence: 30 }
- { from: mdns.txt-model, matches: '^(Mac|iMac|MacBook|MacPro|Macmini)', gives: { make: Apple, kind: computer }, confidence: 80 }
- { from: mdns.txt-model, matches: '^(iPhone|iPad|iPod)', gives: { make: Apple, kind: mobile device }, confidence: 80 }
- { from: mdns.txt-model, matches: '^(HP|Brother|Canon|EPSON|Lexmark|Xerox|Ricoh|Kyocera)\b', gives: { make: $1, kind: printer }, confidence: 75 }
- { from: ssdp.device-type, matches: ':MediaRenderer:', gives: { kind: media player }, confidence: 60 }
- { from: ssdp.device-type, matches: ':InternetGatewayDevice:', gives: { kind: router }, confidence: 70 }
- { from: ssdp.device-type, matches: ':Printer:', gives: { kind: printer }, confidence: 75 }
- { from: ssdp.device-type, matches: ':ZonePlayer:', gives: { kind: media player, make: Sonos }, confidence: 85 }
- { from: ssdp.device-type, matches: ':DigitalSecurityCamera:', gives: { kind: camera }, confidence: 80 }
- { from: ssdp.server, matches: 'Sonos/([\d.-]+)', gives: { make: Sonos, version: $1, kind: media player }, confidence: 80 }
- { from: ssdp.server, matches: '^Linux[/ ]([\d.]+)', gives: { os: Linux $1 }, confidence: 55 }
- { from: ssdp.server, matches: 'Windows(?:-| NT/)?([\d.]+)?', gives: { os: Windows $1 }, confidence: 50 }
- { from: ssdp.user-agent, matches: 'Mac OS X', gives: { os: macOS, kind: computer }, confidence: 45 }
- { from: ssdp.user-agent, matches: 'Windows', gives: { os: Windows }, confidence: 45 }
- { from: ssdp.user-agent, matches: 'Linux', gives: { os: Linux }, confidence: 40 }

# --- Link-layer neighbours
- { from: lldp.description, matches: 'Cisco IOS Software.*Version ([^,\s]+)', gives: { make: Cisco, software: IOS, version: $1, kind: network equipment }, confidence: 80 }
- { from: lldp.description, matches: '^(?:ProCurve|Aruba|HP) (\S+ .*), revision ([^\s,]+)', gives: { make: Hewlett Packard, model: $1, version: $2, kind: network equipment }, confidence: 75 }
- { from: lldp.description, matches: '^(Summit\S+) - Version ([^\s(]+)', gives: { make: Extreme Networks, model: $1, version: $2, kind: network equipment }, confidence: 75 }
- { from: lldp.description, matches: 'Extreme ?(?:Networks|XOS).*version ([\d.]+)', gives: { make: Extreme Networks, version: $1, kind: network equipment }, confidence: 75 }
- { from: lldp.description, matches: '^Siemens, SIMATIC', gives: { make: Siemens, kind: PLC }, confidence: 75 }
- { from: lldp.description, matches: '^(Ubuntu|Debian GNU/Linux|Debian|Red Hat Enterprise Linux|CentOS|Raspbian|SUSE)[^0-9]{0,24}([\d.]*)', gives: { os: $1 $2 }, confidence: 75 }
- { from: lldp.description, matches: 'Linux ([\d.]+)', gives: { os: Linux $1 }, confidence: 65 }
- { from: lldp.description, matches: '(?:Arista Networks) EOS version ([\w.]+)', gives: { make: Arista, software: EOS, version: $1, kind: network equipment }, confidence: 80 }
- { from: lldp.description, matches: 'Juniper Networks.* JUNOS ([\w.-]+)', gives: { make: Juniper, software: Junos, version: $1, kind: network equipment }, confidence: 80 }
- { from: lldp.description, matches: '^(AXIS) (\S+)', gives: { make: Axis Communications, model: $2, kind: camera }, confidence: 75 }
- { from: lldp.capabilities, matches: '^telephone', gives: { kind: telephone }, confidence: 70 }
- { from: lldp.capabilities, matches: '^(router|bridge|access point)', gives: { kind: network equipment, role: $1 }, confidence: 65 }
- { from: cdp.platform, matches: '^(?:cisco )?(.+)$', gives: { model: $1 }, confidence: 80 }
- { from: cdp.software, matches: 'Cisco.*Version ([^,\s]+)', gives: { make: Cisco, version: $1 }, confidence: 80 }
- { from: cdp.capabilities, matches: '^telephone', gives: { kind: telephone }, confidence: 70 }
- { from: cdp.capabilities, matches: '^(router|bridge)', gives: { kind: network equipment, role: $1 }, confidence: 65 }

# --- Web, TLS
- { from: http.user-agent, matches: '^CUPS/([\d.]+)', gives: { software: CUPS, version: $1 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows CE', gives: { os: Windows CE }, confidence: 60 }
- { from: http.user-agent, matches: 'Windows NT 5\.0', gives: { os: Windows 2000 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 5\.2', gives: { os: Windows Server 2003 or XP 64-bit }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 6\.0', gives: { os: Windows Vista or Server 2008 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 6\.2', gives: { os: Windows 8 or Server 2012 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 5\.1', gives: { os: Windows XP }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 6\.1', gives: { os: Windows 7 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 6\.3', gives: { os: Windows 8.1 }, confidence: 55 }
- { from: http.user-agent, matches: 'Windows NT 10\.0', gives: { os: Windows 10 or later }, confidence: 55 }
- { from: http.user-agent, matches: 'Android ([\d.]+); ([A-Za-z0-9][\w .+-]{1,30}?)(?: Build|\))', gives: { os: Android $1, kind: mobile device, model: $2 }, confidence: 55 }
- { from: http.user-agent, matches: 'Android ([\d.]+)', gives: { os: Android $1, kind: mobile device }, confidence: 55 }
- { from: http.user-agent, matches: 'iPhone OS ([\d_]+)', gives: { os: Apple iOS, kind: mobile device }, confidence: 55 }
- { from: http.user-agent, matches: 'Macintosh', gives: { os: macOS, kind: computer }, confidence: 50 }
- { from: http.user-agent, matches: 'Linux', gives: { os: Linux }, confidence: 40 }
- { from: http.user-agent, matches: '^Microsoft-CryptoAPI|^Windows-Update-Agent|^MICROSOFT_DEVICE_METADATA|^Microsoft BITS|^Microsoft NCSI', gives: { os: Windows }, confidence: 50 }
- { from: http.server, matches: '^Microsoft-IIS/([34]\.0)', gives: { os: Windows NT 4, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(5\.0)', gives: { os: Windows 2000, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(5\.1)', gives: { os: Windows XP, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(6\.0)', gives: { os: Windows Server 2003, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(7\.0)', gives: { os: Windows Vista or Server 2008, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(7\.5)', gives: { os: Windows 7 or Server 2008 R2, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(8\.0)', gives: { os: Windows 8 or Server 2012, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(8\.5)', gives: { os: Windows 8.1 or Server 2012 R2, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/(10\.0)', gives: { os: Windows 10 or later, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: '^Microsoft-IIS/([\d.]+)', gives: { os: Windows, software: IIS, version: $1 }, confidence: 65 }
- { from: http.server, matches: 'Allegro-Software-RomPager/([\d.]+)', gives: { software: RomPager, version: $1 }, confidence: 60 }
- { from: http.server, matches: '^HP HTTP Server', gives: { make: Hewlett Packard, kind: printer }, confidence: 65 }
- { from: http.server, matches: '^Virata-EmWeb/(R[\d_]+)', gives: { software: Virata-EmWeb, version: $1 }, confidence: 60 }
- { from: http.server, matches: 'CUPS/([\d.]+)', gives: { software: CUPS, version: $1, role: print server }, confidence: 65 }
- { from: http.server, matches: '^GoAhead', gives: { software: GoAhead }, confidence: 55 }
- { from: http.server, matches: '^(Apache|nginx|lighttpd)/([\d.]+)', gives: { software: $1, version: $2 }, confidence: 55 }
- { from: http.server, matches: '^([A-Za-z][\w-]{1,30})/v?(\d[\w.]*)', gives: { software: $1, version: $2 }, confidence: 45 }
- { from: tls.certificate-organization, matches: '^(Hewlett|HP)\b', gives: { make: Hewlett Packard }, confidence: 50 }
- { from: tls.certificate-organization, matches: '^Sonos', gives: { make: Sonos, kind: media player }, confidence: 60 }
- { from: tls.certificate-organization, matches: '^(Philips|Dräger|Draeger|Mindray|Masimo|Baxter|ICU Medical|B\. ?Braun|Axis Communications|Brother|Canon|Xerox|Lexmark|Ricoh|Kyocera|Epson|Synology|QNAP|Ubiquiti|Honeywell|Schneider Electric|Siemens|Cisco|VMware|Fortinet|Hikvision|Dahua)', gives: { make: $1 }, confidence: 45 }
- { from: tls.certificate-organization, matches: '^GE (Medical|Health)', gives: { make: GE Healthcare }, confidence: 45 }
- { from: tls.server-name, matches: '(^|\.)(windowsupdate|update\.microsoft)\.com$', gives: { os: Windows }, confidence: 40 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(tplinknbu\.com$)', gives: { make: TP-Link, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)((sciener|ttlock)\.(cn|com)$)', gives: { make: Sciener, kind: door lock }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(allegionengage\.com$)', gives: { make: Schlage, kind: door lock }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(xbcs\.net$)', gives: { make: Belkin, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)((tuya(us|eu|cn)?|tuyacloud)\.com$)', gives: { make: Tuya, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(io\.mi\.com$)', gives: { make: Xiaomi, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(meethue\.com$)', gives: { make: Philips Hue, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(netatmo\.net$)', gives: { make: Netatmo, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(withings\.net$)', gives: { make: Withings, kind: scale or monitor }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(dropcam\.com$)', gives: { make: Nest, kind: camera }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(nest\.com$)', gives: { make: Nest, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(connect\.smartthings\.com$)', gives: { make: SmartThings, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(device-metrics-us\.amazon\.com$)', gives: { make: Amazon }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)((arlo\.com|arloxcld\.com)$)', gives: { make: Arlo, kind: camera }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(wyzecam\.com$)', gives: { make: Wyze, kind: camera }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(canaryis\.com$)', gives: { make: Canary, kind: camera }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(august\.com$)', gives: { make: August, kind: door lock }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(awair\.is$)', gives: { make: Awair, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(lifx\.co$)', gives: { make: LIFX, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(ecobee\.com$)', gives: { make: Ecobee, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(coolkit\.cc$)', gives: { make: Sonoff, kind: home automation }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(samsungotn\.net$)', gives: { make: Samsung, kind: media player }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(roku\.com$)', gives: { make: Roku, kind: media player }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(ws\.sonos\.com$)', gives: { make: Sonos, kind: media player }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(hpeprint\.com$)', gives: { make: Hewlett Packard, kind: printer }, confidence: 45 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(ubuntu\.com$|ubuntu\.pool\.ntp\.org$)', gives: { os: Ubuntu }, confidence: 35 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)(debian\.(org|pool\.ntp\.org)$)', gives: { os: Debian }, confidence: 35 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)immedia-semi\.com$', gives: { make: Blink, kind: camera }, confidence: 55 }
- { from: [tls.server-name, dns.question], matches: '(^|\.)tplink(cloud|ra)\.com$', gives: { make: TP-Link }, confidence: 50 }
- { from: dns.question, matches: '(^|\.)time\.windows\.com$', gives: { os: Windows }, confidence: 35 }
- { from: dns.question, matches: '(^|\.)android\.(clients\.google|pool\.ntp)\.', gives: { os: Android }, confidence: 40 }

# --- Greetings of servers
- { from: ssh.banner, matches: '^SSH-[\d.]+-OpenSSH_([\w.]+) (Ubuntu|Debian|FreeBSD|Raspbian)', gives: { os: $2, software: OpenSSH, version: $1 }, confidence: 65 }
- { from: ssh.banner, matches: '^SSH-[\d.]+-OpenSSH_for_Windows_([\w.]+)', gives: { os: Windows, software: OpenSSH, version: $1 }, confidence: 70 }
- { from: ssh.banner, matches: '^SSH-[\d.]+-OpenSSH_([\w.]+)', gives: { software: OpenSSH, version: $1 }, confidence: 60 }
- { from: ssh.banner, matches: '^SSH-[\d.]+-dropbear_?([\w.]*)', gives: { software: Dropbear, version: $1, os: Linux }, confidence: 60 }
- { from: ssh.banner, matches: '^SSH-[\d.]+-Cisco', gives: { make: Cisco, kind: network equipment }, confidence: 70 }
- { from: ssh.banner, matches: 'IPSSH', gives: { os: VxWorks }, confidence: 60 }
- { from: ftp.banner, matches: 'VxWorks \(?(?:VxWorks )?([\d.]*)', gives: { os: VxWorks $1 }, confidence: 75 }
- { from: ftp.banner, matches: 'QNX', gives: { os: QNX }, confidence: 70 }
- { from: ftp.banner, matches: 'Microsoft FTP Service', gives: { os: Windows }, confidence: 65 }
- { from: ftp.banner, matches: '(?:JD|JetDirect) FTP Server', gives: { kind: printer, make: Hewlett Packard }, confidence: 75 }
- { from: ftp.banner, matches: '(vsFTPd|ProFTPD|Pure-FTPd) ?([\d.]*)', gives: { software: $1, version: $2, os: Unix }, confidence: 55 }
- { from: telnet.banner, matches: 'VxWorks', gives: { os: VxWorks }, confidence: 70 }
- { from: telnet.banner, matches: 'QNX', gives: { os: QNX }, confidence: 70 }
- { from: telnet.banner, matches: '^((?:Open|Free|Net)BSD|Linux|SunOS|Ubuntu|Debian)', gives: { os: $1 }, confidence: 60 }
- { from: telnet.banner, matches: 'Windows CE', gives: { os: Windows CE }, confidence: 70 }

- { from: vnc.version, matches: '^RFB 003\.889', gives: { os: macOS, make: Apple, kind: computer }, confidence: 60 }

# --- Buildings and plants
- { from: modbus.server, matches: '.', gives: { kind: PLC or controller }, confidence: 45 }
- { from: modbus.vendor, matches: 'Schneider', gives: { kind: PLC }, confidence: 75 }
- { from: plant.protocol, matches: '^S7', gives: { role: S7 or MMS server, kind: PLC }, confidence: 45 }
- { from: plant.protocol, matches: '^DNP3', gives: { role: DNP3 outstation, kind: PLC or controller }, confidence: 45 }
- { from: plant.protocol, matches: '^HART-IP', gives: { role: HART-IP server, kind: HART gateway or controller }, confidence: 45 }
- { from: plant.protocol, matches: '^EtherNet/IP', gives: { role: EtherNet/IP server }, confidence: 60 }
- { from: s7.order-number, matches: '^6ES7', gives: { make: Siemens, kind: PLC }, confidence: 85 }
- { from: enip.vendor, matches: '^1$', gives: { make: Rockwell Automation }, confidence: 80 }
- { from: enip.vendor, matches: '^47$', gives: { make: Omron }, confidence: 80 }
- { from: enip.device-type, matches: '^14$', gives: { kind: PLC }, confidence: 80 }
- { from: enip.device-type, matches: '^24$', gives: { kind: operator panel }, confidence: 80 }
- { from: bacnet.vendor, matches: '^5$', gives: { make: Johnson Controls }, confidence: 70 }
- { from: bacnet.vendor, matches: '^7$', gives: { make: Siemens }, confidence: 70 }
- { from: bacnet.vendor, matches: '^8$', gives: { make: Delta Controls }, confidence: 70 }
- { from: bacnet.vendor, matches: '^10$', gives: { make: Schneider Electric }, confidence: 70 }
- { from: bacnet.vendor, matches: '^17$', gives: { make: Honeywell }, confidence: 70 }
- { from: bacnet.vendor, matches: '^24$', gives: { make: Automated Logic }, confidence: 70 }
- { from: bacnet.vendor, matches: '^35$', gives: { make: Reliable Controls }, confidence: 70 }
- { from: bacnet.vendor, matches: '^36$', gives: { make: Tridium }, confidence: 70 }
- { from: bacnet.vendor, matches: '^2$', gives: { make: Trane }, confidence: 70 }
- { from: bacnet.vendor, matches: '^3$', gives: { make: Daikin Applied }, confidence: 70 }
- { from: bacnet.vendor, matches: '^9$', gives: { make: Siemens }, confidence: 70 }
- { from: bacnet.vendor, matches: '^16$', gives: { make: Carrier }, confidence: 70 }
- { from: bacnet.vendor, matches: '^18$', gives: { make: Honeywell Alerton }, confidence: 70 }
- { from: bacnet.vendor, matches: '^28$', gives: { make: KMC Controls }, confidence: 70 }
- { from: bacnet.vendor, matches: '^34$', gives: { make: Notifier }, confidence: 70 }
- { from: bacnet.vendor, matches: '^42$', gives: { make: Acuity Brands }, confidence: 70 }
- { from: bacnet.vendor, matches: '^154$', gives: { make: Unitec }, confidence: 70 }
- { from: bacnet.vendor, matches: '^260$', gives: { software: BACnet Stack }, confidence: 60 }
- { from: bacnet.instance, matches: '^BACnet (device|router)$', gives: { kind: building controller }, confidence: 40 }
- { from: bacnet.vendor-name, matches: '.', gives: { kind: building controller }, confidence: 65 }

# --- Services that answer
- { from: tcp.service, matches: '^(515|631|9100)$', gives: { kind: printer }, confidence: 45 }
- { from: tcp.service, matches: '^(102|44818)$', gives: { kind: PLC }, confidence: 40 }
- { from: tcp.service, matches: '^554$', gives: { kind: camera }, confidence: 30 }

# --- How a stack opens a connection: hop limit, window, options, MSS, scale
- { from: tcp.syn, matches: '^128:\d+:mss,nop,ws,nop,nop,sackok:', gives: { os: Windows }, confidence: 35 }
- { from: tcp.syn, matches: '^128:\d+:mss,nop,nop,sackok:', gives: { os: Windows }, confidence: 35 }
- { from: tcp.syn, matches: '^64:\d+:mss,sackok,ts,nop,ws:', gives: { os: Linux }, confidence: 30 }
- { from: tcp.syn, matches: '^64:65535:mss,nop,ws,nop,nop,ts,sackok,eol', gives: { os: Apple iOS or macOS }, confidence: 35 }
- { from: tcp.syn, matches: '^64:65535:mss,nop,ws,sackok,ts:', gives: { os: FreeBSD }, confidence: 25 }
- { from: tcp.syn-ack, matches: '^128:\d+:mss,nop,ws,(sackok,ts|nop,nop,sackok|nop,nop,ts|nop,nop,ts,nop,nop,sackok)', gives: { os: Windows }, confidence: 30 }
- { from: tcp.syn-ack, matches: '^128:\d+:mss,nop,(nop,sackok|ws,nop,nop,sackok)', gives: { os: Windows }, confidence: 30 }
- { from: tcp.syn-ack, matches: '^64:\d+:mss,sackok,ts,nop,ws:', gives: { os: Linux }, confidence: 25 }
- { from: tcp.syn-ack, matches: '^64:\d+:mss,nop,nop,sackok,nop,ws:', gives: { os: Linux }, confidence: 25 }
- { from: tcp.syn-ack, matches: '^64:65535:mss,nop,ws,nop,nop,ts,sackok,eol', gives: { os: Apple iOS or macOS }, confidence: 30 }
`;
