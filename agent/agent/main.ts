/**
 * The agent process, whole: enforcer events in; store, broker and agent.sock out. No capability, no kernel. Run by
 * `cordon agent`. Must never exit because the enforcer, the broker or the disk is away: only when it is told to, or when
 * it cannot start at all.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { serve } from '../ipc/server.js';
import { agentRequests, type AgentStatus } from '../messages/agent-messages.js';
import type { Paths } from '../paths.js';
import type { BoxConfig } from '../policy/config.js';
import { EXCEPTION_ENDS } from '../risk/assess.js';
import { isDamage, openStore, type OpenedStore } from '../store/open-store.js';
import { readHealth } from '../upstream/health.js';
import { Upstream } from '../upstream/mqtt-client.js';
import { boxTopics } from '../upstream/pure/topics.js';
import { ActivityKeeper } from './activity-keeper.js';
import { startEnforcerLink } from './enforcer-link.js';
import { createExceptionReminder } from './exception-ends.js';
import { endOfSupportFindings, supportTable } from './end-of-support.js';
import { loadMakers, readSiteRules, SITE_RULES } from './load-knowledge.js';
import { InventoryKeeper } from './inventory-keeper.js';
import { LearnKeeper } from './learn-keeper.js';
import { logBroker, logLevel } from './logging.js';
import { NameLookups } from './name-lookups.js';
import { Recorder } from './recorder.js';
import { report } from './report-state.js';
import { agentHandlers } from './requests.js';
import { startService, stopSignal } from './service.js';
import { saveUnwritten, takeUnwritten } from './unwritten.js';

/** Findings and state changes that wait for a disk that refused, refusals whose window ended. */
const FLUSH_INTERVAL_MS = 1_000;
const TELEMETRY_INTERVAL_MS = 60_000;
/** Dates of support are looked at this often: they are days. */
const END_OF_SUPPORT_INTERVAL_MS = 3_600_000;
/** Names of the policy are looked up anew: an hour is the least that an address is kept (NAME_GRACE_SECONDS). */
const NAME_LOOKUP_INTERVAL_MS = 1_800_000;
const BROKER_BACKOFF_MS = { min: 1_000, max: 60_000 } as const;
/** Fingerprint rules of the site, beside the configuration. */
/** The CLI, the page and a person with socat; not a fleet. */
const MAX_CONNECTIONS = 64;
/** A catalogue of exploited vulnerabilities, cut to what is used. */
const MAX_REQUEST_BYTES = 1024 * 1024;
/** The same disk trouble is not logged more often than this. */
const WRITE_ERROR_LOG_INTERVAL_MS = 60_000;

export interface RunAgentOptions {
  readonly paths: Paths;
  readonly config: BoxConfig;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Instead of SIGTERM and SIGINT, which it listens to when this is left out. */
  readonly signal?: AbortSignal;
  readonly telemetryIntervalMs?: number;
  readonly brokerBackoffMs?: { readonly min: number; readonly max: number };
}

/**
 * Resolves with the exit status once told to stop: 0, or 1 when it could not start or its database turned out damaged, so that it is
 * started again and begins a new one (the log says which).
 */
export async function runAgent(options: RunAgentOptions): Promise<number> {
  const log = pino(
    {
      name: 'cordon-agent',
      level: logLevel(options.environment),
      redact: ['*.key', '*.keyFile', '*.cert', '*.ca'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
  /** What was opened, to be closed in reverse, also when the start fails half-way. */
  const opened: (() => Promise<void> | void)[] = [];
  try {
    const isDamaged = await run(options, log, opened);
    return isDamaged ? 1 : 0;
  } catch (error) {
    log.fatal({ err: error }, 'the agent could not start');
    return 1;
  } finally {
    for (const close of opened.reverse()) await close();
    log.info('stopped');
  }
}

/** True: it ended because the database is damaged. */
async function run(
  options: RunAgentOptions,
  log: Logger,
  opened: (() => Promise<void> | void)[],
): Promise<boolean> {
  const { config, paths, environment, version } = options;
  const nowMs = (): number => Date.now();
  const startedAtMs = nowMs();
  const stopped = stopSignal(options.signal);

  const storePath = join(paths.agentStateDir, 'agent.db');
  const unwrittenPath = join(paths.agentStateDir, 'unwritten.json');
  const { store, setAside } = open(storePath, nowMs(), log);
  opened.push(() => {
    store.close();
  });
  const topics = config.mqtt ? boxTopics(config.box) : null;
  const upstream =
    config.mqtt && topics
      ? new Upstream({
          box: config.box,
          topics,
          broker: config.mqtt,
          spool: store.spool,
          backoffMs: options.brokerBackoffMs ?? BROKER_BACKOFF_MS,
          nowMs,
          random: Math.random,
          onChange: (change) => {
            logBroker(log, change);
          },
          onDesired: config.fleet
            ? (text) => {
                link.desired(text);
              }
            : null,
        })
      : null;

  opened.push(() => upstream?.stop());

  let lastWriteErrorMs = 0;
  let isDamaged = false;
  let endDamaged: () => void = () => undefined;
  const damaged = new Promise<void>((resolve) => (endDamaged = resolve));
  const onWriteError = (error: unknown): void => {
    if (isDamage(error)) {
      isDamaged = true;
      endDamaged();
    }
    if (nowMs() - lastWriteErrorMs < WRITE_ERROR_LOG_INTERVAL_MS) return;
    lastWriteErrorMs = nowMs();
    const next = isDamage(error)
      ? 'ends, to set the database aside when it is started again'
      : 'kept in memory and tried again';
    log.error({ err: error, next }, 'the store refused a write');
  };
  const inventory = new InventoryKeeper({
    makers: loadMakers(),
    store,
    nowMs,
    onWriteError,
    siteRules: readSiteRules(paths.configFile),
    onBadRules: (error) => {
      log.error({ err: error, file: SITE_RULES }, 'the rules of the site have a fault; ours alone count');
    },
  });
  opened.push(() => {
    inventory.finish();
  });
  const activity = new ActivityKeeper({
    directory: paths.activityDir,
    keepDays: config.activity.keepDays,
    store,
    nowMs,
    version,
    onWriteError,
    onMismatch: (detail) => {
      log.error({ detail }, 'the activity log is not the one that was written: cordon audit verify');
    },
    onHead: (head) => {
      if (upstream && topics) upstream.setRetained(topics.reported('activity'), { ...head });
    },
  });
  opened.push(() => {
    activity.finish();
  });
  const learning = new LearnKeeper({
    store,
    nowMs,
    offsetMinutes: (atMs) => -new Date(atMs).getTimezoneOffset(),
    isWatching: () => link.isConnected(),
    onWriteError,
  });
  opened.push(() => {
    learning.finish();
  });
  const recorder = new Recorder({
    box: config.box,
    productVersion: version,
    topics,
    store,
    nowMs,
    newUid: randomUUID,
    onSpooled: () => upstream?.spoolGrew(),
    onWriteError,
    activityHead: () => activity.head,
  });

  opened.push(() => {
    recorder.finish();
    if (isDamaged) saveUnwritten(unwrittenPath, recorder.unwritten());
  });
  for (const event of takeUnwritten(unwrittenPath)) recorder.take(event);
  if (setAside !== null)
    recorder.take({
      event: 'state',
      items: [
        {
          kind: 'evidence-dropped',
          atMs: nowMs(),
          by: 'agent',
          device: null,
          generation: null,
          detail: `the database was damaged: set aside as ${setAside}, and a new one begun`,
        },
      ],
    });

  const lookups: NameLookups = new NameLookups(
    (name, params, how) => link.ask(name, params, how),
    (error) => {
      log.warn(
        { err: error },
        'names of the policy were not looked up; the devices’ own questions count all the same',
      );
    },
  );
  const remindOfExceptions = createExceptionReminder({
    nowMs,
    openFindings: () => store.findings.openOf(EXCEPTION_ENDS),
    take: (items) => {
      recorder.take({ event: 'findings', items });
    },
    onError: onWriteError,
  });
  const link = startEnforcerLink({
    socketPath: paths.enforcerSocket,
    familiar: () => {
      recorder.flush();
      return store.familiar.all();
    },
    memories: () => store.memories.all(),
    onEvent: (event) => {
      if (event.event === 'evidence') inventory.take(event.items);
      if (event.event === 'devices') for (const item of event.items) inventory.see(item);
      if (event.event === 'state') {
        activity.noteChanges(event.items);
        if (event.items.some(({ kind }) => kind === 'policy-applied')) lookups.start();
      }
      learning.take(event);
      recorder.take(event);
    },
    onStatus: (status) => {
      remindOfExceptions(status.exceptions);
      if (upstream && topics) report(upstream, topics, status, version);
    },
    onDesired: (results) => {
      for (const result of results) log.info(result, 'a document of the fleet');
    },
    onConnected: () => {
      log.info('connected to the enforcer');
      lookups.start();
    },
    onAway: (reason) => {
      log.warn(
        { reason },
        'the enforcer is away; the kernel goes on enforcing, and it is asked again until it answers',
      );
    },
  });

  opened.push(() => link.stop());

  const dropped = (): Record<string, number> => ({
    ...recorder.dropped(),
    ...inventory.counters(),
    ...activity.counters(),
    ...learning.counters(),
    ...lookups.counters(),
    ...store.dropped(),
    ...(upstream?.counters() ?? {}),
    ...server.dropped(),
    enforcerBadMessages: link.badMessages(),
  });
  const status = (): AgentStatus => ({
    version,
    pid: process.pid,
    startedAtMs,
    enforcerConnected: link.isConnected(),
    broker: {
      configured: upstream !== null,
      connected: upstream?.isConnected ?? false,
      url: config.mqtt?.url ?? null,
      lastError: upstream?.lastError ?? null,
    },
    spool: {
      waiting: store.spool.waiting,
      dropped: store.spool.droppedTotal,
      limit: store.spool.limits.events,
    },
    store: {
      path: storePath,
      sizeBytes: store.sizeBytes(),
      devices: store.devices.total,
      refusals: store.refusals.total,
      findings: store.findings.total,
    },
    activity: activity.status(),
    dropped: dropped(),
    rssBytes: process.memoryUsage.rss(),
  });
  const server = await serve({
    socketPath: paths.agentSocket,
    mode: 0o660,
    maxConnections: MAX_CONNECTIONS,
    maxRequestBytes: MAX_REQUEST_BYTES,
    requests: agentRequests,
    handlers: agentHandlers(
      store,
      inventory,
      learning,
      status,
      nowMs,
      () => {
        recorder.flush();
      },
      (items) => {
        activity.note(items);
      },
    ),
    onHandlerError: (error, request) => {
      if (isDamage(error)) onWriteError(error);
      log.error({ err: error, request }, 'a request failed');
    },
  });

  opened.push(() => server.stop());
  // Nobody else answers on our socket: this is the only agent.
  activity.start();

  const sendHealth = async (): Promise<void> => {
    if (!upstream || !topics) return;
    const health = await readHealth(paths.agentStateDir);
    const { spool, dropped: drops, rssBytes } = status();
    upstream.sendTelemetry(topics.telemetry('health'), {
      atMs: nowMs(),
      ...health,
      rssBytes,
      spool,
      dropped: drops,
    });
  };

  const remindOfEnds = (): void => {
    const table = supportTable(store.referenceData.get('eol')?.body ?? null);
    const known = (key: string) => store.findings.get(key)?.finding ?? null;
    const items = endOfSupportFindings(inventory.rows(), table, known, nowMs());
    for (let at = 0; at < items.length; at += 1_000)
      recorder.take({ event: 'findings', items: items.slice(at, at + 1_000) });
  };

  upstream?.start();
  remindOfEnds();
  const timers = [
    setInterval(() => {
      recorder.tick();
      inventory.tick();
      activity.tick();
      learning.tick();
    }, FLUSH_INTERVAL_MS),
    setInterval(remindOfEnds, END_OF_SUPPORT_INTERVAL_MS),
    setInterval(() => {
      lookups.start();
    }, NAME_LOOKUP_INTERVAL_MS),
    setInterval(() => void sendHealth(), options.telemetryIntervalMs ?? TELEMETRY_INTERVAL_MS),
  ];
  opened.push(() => {
    for (const timer of timers) clearInterval(timer);
  });
  opened.push(startService(environment, process.pid));
  const broker = config.mqtt?.url ?? null;
  log.info({ box: config.box, socket: paths.agentSocket, store: storePath, broker }, 'ready');
  await Promise.race([stopped, damaged]);
  return isDamaged;
}

function open(path: string, nowMs: number, log: Logger): OpenedStore {
  const opened = openStore(path, nowMs);
  if (opened.setAside !== null)
    log.error(
      { setAside: opened.setAside },
      'the database was damaged: it was set aside and a new one begun',
    );
  return opened;
}
