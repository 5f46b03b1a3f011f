/** Two questions to the kernel over netlink for `cordon doctor`. They ask whether something is there and change nothing. */
import { FLAG_ACK, FLAG_REQUEST, MessageBuilder, SUBSYSTEM_CONNTRACK } from '../netlink/messages.js';
import { transact } from '../netlink/request.js';

/** linux/netfilter/nfnetlink_conntrack.h: IPCTNL_MSG_CT_GET_STATS, how many connections there are. */
const CONNTRACK_GET_STATS = 5;
/** linux/netfilter/nf_tables_compat.h. */
const SUBSYSTEM_NFT_COMPAT = 11;
const COMPAT_GET = 0;
const COMPAT_NAME = 1;
const COMPAT_REVISION = 2;
const COMPAT_TYPE = 3;
const TYPE_TARGET = 1;
/** xt_NFQ_info_v3 is the first with flags, of which bypass is one (linux/netfilter/xt_NFQUEUE.h). */
const NFQUEUE_REVISION = 3;

const FAMILY_IPV4 = 2;

/** `unknown`: the question needs CAP_NET_ADMIN, or the addon is not there. */
export type Answer = 'yes' | 'no' | 'unknown';

export function hasConntrackNetlink(): Answer {
  const builder = new MessageBuilder();
  builder.begin({
    type: (SUBSYSTEM_CONNTRACK << 8) | CONNTRACK_GET_STATS,
    flags: FLAG_REQUEST | FLAG_ACK,
    sequence: 1,
    family: FAMILY_IPV4,
  });
  builder.end();
  return ask(builder, 'count connections');
}

export function hasCompatQueue(): Answer {
  const builder = new MessageBuilder();
  builder.begin({
    type: (SUBSYSTEM_NFT_COMPAT << 8) | COMPAT_GET,
    flags: FLAG_REQUEST | FLAG_ACK,
    sequence: 1,
    family: FAMILY_IPV4,
  });
  builder.text(COMPAT_NAME, 'NFQUEUE');
  builder.u32be(COMPAT_REVISION, NFQUEUE_REVISION);
  builder.u32be(COMPAT_TYPE, TYPE_TARGET);
  builder.end();
  return ask(builder, 'look for xt NFQUEUE');
}

const EPERM = 1;

function ask(builder: MessageBuilder, action: string): Answer {
  try {
    const answers = transact(builder, action);
    if (answers.some(({ errno }) => errno === EPERM)) return 'unknown';
    return answers.length > 0 && answers.every(({ errno }) => errno === 0) ? 'yes' : 'no';
  } catch {
    // No addon, or no netlink socket for us: both are other checks' business.
    return 'unknown';
  }
}
