/**
 * When the support of what clinical devices run ends: the own table, each date with its source. A site extends it with YAML or with files of
 * endoflife.date (`cordon data import eol`). `ends` is the last day of security updates that anybody can get without a contract of his own; null:
 * the maker gives no public date, support is a matter of contract. Pure.
 *
 * Held against a second source in November 2026: the files of endoflife.date (the servers, the embedded kinds of 7, 8.1 and Compact, Windows 7, 8.1 and 11 up to
 * 26H1, LTSC 2024, Debian, Ubuntu, CentOS, Red Hat), Microsoft's own lifecycle data on GitHub (Vista, 8 and its embedded kind, Point of Service, CE 5
 * and 6, Windows 10 and its LTSB and LTSC 2019), Microsoft's Windows release information (LTSC 2021) and its lifecycle answers of 2014 (XP and its embedded kinds).
 * NT 4 is the server's date, which is the later one. By one source each: Windows 98, Windows 2000, Windows 11 26H2, kernel 2; of kernel 3 a second one names the month.
 */
export interface SupportEntry {
  readonly product: string;
  /** How it is written, compared without regard to case, as whole words; the longest that fits counts. */
  readonly names: readonly string[];
  /** YYYY-MM-DD. */
  readonly ends: string | null;
  readonly source: string;
}

const MICROSOFT = 'https://learn.microsoft.com/lifecycle/products';
const DEBIAN = 'https://wiki.debian.org/LTS';
const UBUNTU = 'https://ubuntu.com/about/release-cycle';
const RED_HAT = 'https://access.redhat.com/support/policy/updates/errata';

export const OWN_SUPPORT_TABLE: readonly SupportEntry[] = [
  windows('Windows 98', '2006-07-11', 'windows-98'),
  windows('Windows NT 4', '2004-12-31', 'windows-nt-40'),
  windows('Windows 2000', '2010-07-13', 'windows-2000-professional'),
  windows('Windows XP', '2014-04-08', 'windows-xp'),
  windows('Windows XP Embedded', '2016-01-12', 'windows-xp-embedded'),
  windows('Windows Embedded for Point of Service', '2016-04-12', 'windows-embedded-for-point-of-service'),
  windows('Windows Embedded Standard 2009', '2019-01-08', 'windows-embedded-standard-2009'),
  windows('Windows Embedded POSReady 2009', '2019-04-09', 'windows-embedded-posready-2009'),
  windows('Windows Vista', '2017-04-11', 'windows-vista'),
  windows('Windows 7', '2020-01-14', 'windows-7'),
  windows('Windows Embedded Standard 7', '2020-10-13', 'windows-embedded-standard-7', ['Windows 7 Embedded']),
  windows('Windows Embedded POSReady 7', '2021-10-12', 'windows-embedded-posready-7'),
  windows('Windows 8', '2016-01-12', 'windows-8'),
  windows('Windows 8.1', '2023-01-10', 'windows-81'),
  windows('Windows Embedded 8 Standard', '2023-07-11', 'windows-embedded-8-standard'),
  windows('Windows Embedded 8.1 Pro', '2023-01-10', 'windows-embedded-81-pro'),
  windows('Windows Embedded 8.1 Industry', '2023-07-11', 'windows-embedded-81-industry'),
  windows('Windows 10', '2025-10-14', 'windows-10-home-and-pro'),
  windows('Windows 10 IoT Enterprise', '2025-10-14', 'windows-10-iot-enterprise'),
  windows('Windows 10 LTSB 2015', '2025-10-14', 'windows-10-2015-ltsb', ['Windows 10 Enterprise 2015 LTSB']),
  windows('Windows 10 LTSB 2016', '2026-10-13', 'windows-10-2016-ltsb', [
    'Windows 10 Enterprise 2016 LTSB',
    'Windows 10 IoT Enterprise LTSB 2016',
  ]),
  windows('Windows 10 LTSC 2019', '2029-01-09', 'windows-10-iot-enterprise-ltsc-2019', [
    'Windows 10 Enterprise LTSC 2019',
    'Windows 10 IoT Enterprise LTSC 2019',
  ]),
  windows('Windows 10 Enterprise LTSC 2021', '2027-01-12', 'windows-10-enterprise-ltsc-2021', [
    'Windows 10 LTSC 2021',
  ]),
  windows('Windows 10 IoT Enterprise LTSC 2021', '2032-01-13', 'windows-10-iot-enterprise-ltsc-2021'),
  windows('Windows 11 23H2', '2025-11-11', 'windows-11-home-and-pro'),
  windows('Windows 11 24H2', '2026-10-13', 'windows-11-home-and-pro'),
  windows('Windows 11 25H2', '2027-10-12', 'windows-11-home-and-pro'),
  windows('Windows 11 26H1', '2028-03-14', 'windows-11-home-and-pro'),
  windows('Windows 11 26H2', '2028-10-10', 'windows-11-home-and-pro'),
  windows('Windows 11 Enterprise 24H2', '2027-10-12', 'windows-11-enterprise-and-education'),
  windows('Windows 11 Enterprise 25H2', '2028-10-10', 'windows-11-enterprise-and-education'),
  windows('Windows 11 Enterprise LTSC 2024', '2029-10-09', 'windows-11-enterprise-ltsc-2024', [
    'Windows 11 LTSC 2024',
  ]),
  windows('Windows 11 IoT Enterprise LTSC 2024', '2034-10-10', 'windows-11-iot-enterprise-ltsc-2024'),
  windows('Windows Server 2003', '2015-07-14', 'windows-server-2003'),
  windows('Windows Server 2008', '2020-01-14', 'windows-server-2008', ['Server 2008', 'Server 2008 R2']),
  windows('Windows Server 2012', '2023-10-10', 'windows-server-2012', ['Server 2012', 'Server 2012 R2']),
  windows('Windows Server 2016', '2027-01-12', 'windows-server-2016'),
  windows('Windows Server 2019', '2029-01-09', 'windows-server-2019'),
  windows('Windows Server 2022', '2031-10-14', 'windows-server-2022'),
  windows('Windows Server 2025', '2034-10-10', 'windows-server-2025'),
  windows('Windows CE 5', '2014-10-14', 'windows-ce-50', ['Windows CE 5.0']),
  windows('Windows CE 6', '2018-04-10', 'windows-embedded-ce-60', [
    'Windows Embedded CE 6.0',
    'Windows CE 6.0',
  ]),
  windows('Windows Embedded Compact 7', '2021-04-13', 'windows-embedded-compact-7'),
  windows('Windows Embedded Compact 2013', '2023-10-10', 'windows-embedded-compact-2013'),
  // The last of the line: whatever CE it is, its support is over.
  windows('Windows CE', '2023-10-10', 'windows-embedded-compact-2013'),
  entry('VxWorks', null, 'https://www.windriver.com/support'),
  entry('QNX', null, 'https://blackberry.qnx.com/en/support'),
  entry('Debian 7', '2018-05-31', DEBIAN, ['Debian GNU/Linux 7']),
  entry('Debian 8', '2020-06-30', DEBIAN, ['Debian GNU/Linux 8']),
  entry('Debian 9', '2022-06-30', DEBIAN, ['Debian GNU/Linux 9']),
  entry('Debian 10', '2024-06-30', DEBIAN, ['Debian GNU/Linux 10']),
  entry('Debian 11', '2026-08-31', DEBIAN, ['Debian GNU/Linux 11']),
  entry('Debian 12', '2028-06-30', DEBIAN, ['Debian GNU/Linux 12']),
  entry('Debian 13', '2030-06-30', DEBIAN, ['Debian GNU/Linux 13']),
  entry('Ubuntu 14.04', '2019-04-25', UBUNTU),
  entry('Ubuntu 16.04', '2021-04-30', UBUNTU),
  entry('Ubuntu 18.04', '2023-05-31', UBUNTU),
  entry('Ubuntu 20.04', '2025-05-31', UBUNTU),
  entry('Ubuntu 22.04', '2027-04-30', UBUNTU),
  entry('Ubuntu 24.04', '2029-05-31', UBUNTU),
  entry('Ubuntu 26.04', '2031-04-30', UBUNTU),
  entry('CentOS 5', '2017-03-31', 'https://www.centos.org/centos-linux-eol/', ['CentOS Linux 5']),
  entry('CentOS 6', '2020-11-30', 'https://www.centos.org/centos-linux-eol/', ['CentOS Linux 6']),
  entry('CentOS 7', '2024-06-30', 'https://www.centos.org/centos-linux-eol/', ['CentOS Linux 7']),
  entry('CentOS 8', '2021-12-31', 'https://www.centos.org/centos-linux-eol/', ['CentOS Linux 8']),
  entry('Red Hat Enterprise Linux 5', '2017-03-31', RED_HAT, ['RHEL 5']),
  entry('Red Hat Enterprise Linux 6', '2020-11-30', RED_HAT, ['RHEL 6']),
  entry('Red Hat Enterprise Linux 7', '2024-06-30', RED_HAT, ['RHEL 7']),
  entry('Red Hat Enterprise Linux 8', '2029-05-31', RED_HAT, ['RHEL 8']),
  entry('Red Hat Enterprise Linux 9', '2032-05-31', RED_HAT, ['RHEL 9']),
  entry('Linux kernel 2', '2016-03-12', 'https://www.kernel.org/category/releases.html', ['Linux 2']),
  entry('Linux kernel 3', '2020-06-11', 'https://www.kernel.org/category/releases.html', ['Linux 3']),
];

function windows(product: string, ends: string, page: string, names: readonly string[] = []): SupportEntry {
  return entry(product, ends, `${MICROSOFT}/${page}`, names);
}

function entry(
  product: string,
  ends: string | null,
  source: string,
  names: readonly string[] = [],
): SupportEntry {
  return { product, names: [product, ...names], ends, source };
}
