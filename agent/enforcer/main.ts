/* (Above 400 lines: the order in which everything starts, in one place.) */
/**
 * The enforcer process: the one that may change the kernel. This file is its start-up order and nothing else. It opens no
 * IP socket, and it leaves the ruleset in the kernel when it ends, however it ends.
 */
import { pino } from 'pino';
import { effectsOf, levelOf } from '../containment/effects.js';
import { GOES_ON_MS } from '../detect/event.js';
import type { DetectorName } from '../detect/settings.js';
import { serve } from '../ipc/server.js';
import { requests, type EventMessage } from '../messages/enforcer-messages.js';
import { MAX_MESSAGE_BYTES } from '../messages/limits.js';
import type { StateChange } from '../messages/vocabulary.js';
import { sdNotify } from '../netlink/sd-notify.js';
import type { Paths } from '../paths.js';
import type { BoxConfig } from '../policy/config.js';
import { ownValue } from '../policy/resolve-peers.js';
import { ConnectionTable } from './connection-table.js';
import { ContainmentKeeper } from './containment-keeper.js';
import { previewContainment } from './containment-preview.js';
import { cutConnections, type Situation } from './cut-connections.js';
import { ExceptionKeeper } from './exception-keeper.js';
import { Evidence } from './evidence.js';
import { FlowEnds } from './flow-ends.js';
import { DesiredKeeper } from './desired-keeper.js';
import { DetectorContainment } from './detector-containment.js';
import { createHandlers } from './handlers.js';
import { takeMemories } from './memory-exchange.js';
import { PASS } from '../detect/verdict.js';
import { HoldRule } from './hold-rule.js';
import { InlineVerdicts } from './inline-verdicts.js';
import { createInterfaceNames } from './interface-names.js';
import { KernelLock } from './kernel-lock.js';
import { LastingConnections } from './lasting-connections.js';
import { RECONCILE_MS } from './name-keeper.js';
import { Names } from './names.js';
import { readLiveFlows } from './live-flows.js';
import { openListeners } from './listeners.js';
import { Panel } from './panel.js';
import { PolicyKeeper } from './policy-keeper.js';
import { PortGuard } from './port-guard.js';
import { StateStore } from './state-store.js';
import { readStatus } from './status.js';
import { readBootId, steadyMs } from './steady-clock.js';
import { openTableGuard } from './table-guard.js';
import { VariablesFile } from './variables-file.js';

/** Evidence is told this often: quick enough for a person, seldom enough for a busy box. */
const FLUSH_MS = 200;
/** Packets that may identify a device are read in portions of well under a millisecond. */
const IDENTIFY_MS = 25;
const IDENTIFY_PACKETS = 16;
const STATUS_MS = 10_000;
const FLOW_ENDS_MS = 10_000;
const SAVE_LEARNED_MS = 60_000;
/** What detectors learnt goes to the agent this often, and when this process stops: a power cut takes as much. */
const MEMORIES_MS = 1_800_000;
/** Addresses of names: written only where others came. */
const SAVE_NAMES_MS = 300_000;
const WATCHDOG_MS = 5_000;
const MAX_CONNECTIONS = 16;
/** State changes told to an agent that connects later. */
const MAX_REMEMBERED_CHANGES = 1_000;

export interface EnforcerOptions {
  readonly paths: Paths;
  readonly config: BoxConfig;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Runs until SIGTERM or SIGINT; resolves to the exit status. Rejects when it cannot begin, with nothing changed. */
export async function runEnforcer({ paths, config, version, environment }: EnforcerOptions): Promise<number> {
  const log = pino(
    { name: 'enforcer', level: environment['CORDON_LOG'] ?? 'info' },
    pino.destination({ fd: 2, sync: true }),
  );
  const now = Date.now;
  const startedAtMs = now();
  const store = new StateStore(paths.enforcerStateDir);
  await store.open();
  const lock = new KernelLock();
  const runLocked = <T>(work: () => Promise<T>): Promise<T> => lock.run(work);
  const remembered: StateChange[] = [];
  let changesDropped = 0;
  let broadcast: (event: EventMessage) => void = () => undefined;
  let subscribers = (): number => 0;
  const tell = (change: Omit<StateChange, 'atMs'>): void => {
    const full = { ...change, atMs: now() };
    log.info(full, change.kind);
    if (subscribers() > 0) {
      broadcast({ event: 'state', items: [full] });
      return;
    }
    if (remembered.length >= MAX_REMEMBERED_CHANGES) {
      remembered.shift();
      changesDropped += 1;
    }
    remembered.push(full);
  };

  const fail = (what: string) => (error: unknown) => {
    log.error({ err: error }, what);
  };
  const evidence = new Evidence({
    now,
    portName: createInterfaceNames(now),
    onContain: (device, finding) => {
      byDetectors.request(device, finding);
    },
  });
  const names = new Names({
    store,
    now,
    monotonicMs: steadyMs,
    tell,
    onError: fail('addresses of names could not be brought to the kernel'),
  });
  await names.load();
  const hold = new HoldRule(config.inspection);
  const flowEnds = new FlowEnds();
  const lasting = new LastingConnections((record) => {
    evidence.connectionGoesOn(record);
  });
  const variables = new VariablesFile(paths.configFile);
  const keeper: PolicyKeeper = new PolicyKeeper({
    config,
    store,
    hold,
    readVariables: () => variables.read(),
    now,
    tell,
    runLocked,
    runtimeElements: () => new Map([...containment.runtimeElements(), ...names.runtimeElements()]),
    namedAddresses: () => names.addresses(),
    settledMs: () => exceptions.settledMs(),
    onReplaced: async () => {
      await containment.sync();
      await names.reconcile().catch(fail('addresses of names could not be put back'));
    },
    onInForce: async (inForce) => {
      evidence.usePolicy(inForce.policy, inForce.ids);
      await containment.sync();
      await names.use({ ...inForce, learned: keeper.learned });
      const cut = await cutConnections(situation());
      if (cut > 0) log.info({ cut }, 'connections that the policy no longer permits were cut');
    },
  });
  const exceptions = new ExceptionKeeper({
    settlesAfterMs: config.clockSettlesSeconds * 1000,
    wallMs: now,
    steadyMs,
    inForce: () => keeper.inForce,
    end: (atMs) => runLocked(() => keeper.endExceptions(atMs)),
    tell,
    onError: fail('exceptions that ended are still in the kernel, or would come back with a restart'),
  });
  const situation = (): Situation => ({
    policy: keeper.inForce.policy,
    learned: keeper.learned,
    named: names.named(),
    ids: keeper.inForce.ids,
    effects: effectsOf(containment.orders, keeper.inForce.policy),
  });
  let panel: Panel | null = null;
  const containment: ContainmentKeeper = new ContainmentKeeper({
    mode: config.mode,
    store,
    wallMs: now,
    steadyMs,
    bootId: readBootId(environment),
    tell,
    inForce: () => keeper.inForce,
    repair: () => runLocked(() => keeper.guard()),
    cutConnections: (scope) =>
      cutConnections(situation(), scope !== 'box' && 'device' in scope ? scope.device : null),
    onChange: () => {
      panel?.show();
    },
  });
  const byDetectors = new DetectorContainment({
    steadyMs,
    isContained: (device) => levelOf(situation().effects, device) !== 'normal',
    policyFor: (device, detector) => {
      const { devices, detect, detectorContainmentsPerHour } = keeper.inForce.policy;
      const { containFrom, containmentsPerHour } = detect[detector as DetectorName];
      return {
        mayContain: ownValue(devices, device)?.automation === 'contain',
        containFrom,
        detectorLimit: containmentsPerHour,
        boxLimit: detectorContainmentsPerHour,
      };
    },
    order: (order) => containment.order(order),
    tell,
    onError: fail('a device that a detector wanted contained is not'),
  });
  const desired = new DesiredKeeper({
    box: config.box,
    keys: config.fleet?.keys ?? [],
    stateDir: paths.enforcerStateDir,
    steadyMs,
    orders: () => containment.orders,
    policy: () => keeper.inForce.policy,
    order: (order) => containment.order(order, true),
    release: (scope, by, reason, ids) => containment.release(scope, by, reason, ids),
    tell,
  });
  await desired.load();
  await containment.load();
  byDetectors.remember(containment.orders, now());
  await runLocked(() => keeper.start());
  const portGuard = new PortGuard(config, (detail) => {
    const generation = keeper.inForce.state.generation;
    tell({ kind: 'tables-restored', by: 'enforcer', device: null, generation, detail });
  });
  await portGuard.start();
  if (portGuard.why !== null)
    log.warn({ why: portGuard.why }, 'the ports are not guarded: a flushed ruleset lets everything pass');

  const listeners = openListeners(
    config.devicePorts,
    (packet) => {
      evidence.packet(packet);
    },
    (packet) => {
      names.packet(packet);
    },
    (record) => {
      evidence.connectionEnd(record);
      names.connectionEnd(record);
      flowEnds.add(record, (id) => evidence.nameOf(id), now());
    },
  );
  const inline = new InlineVerdicts({
    hold,
    bridge: config.mode === 'bridge' ? config.bridge : null,
    now,
    decide: (packet) => (names.held(packet) ? PASS : evidence.held(packet)),
    onChange: (detail) => {
      const generation = keeper.inForce.state.generation;
      tell({ kind: 'inspection-changed', by: 'enforcer', device: null, generation, detail });
    },
    onError: fail('inline inspection failed; what the allow-list permits passes'),
  });
  await inline.start();
  const connectionTable = new ConnectionTable(now, (detail) => {
    tell({ kind: 'connections-full', by: 'enforcer', device: null, generation: null, detail });
  });
  const panelAtBox = new Panel({
    config,
    steadyMs,
    orders: () => containment.orders,
    order: (order) => containment.order(order),
    tell,
    onError: fail('the button asked for containment, and it was refused'),
  });
  panel = panelAtBox;
  const dropped = (): Record<string, number> => ({
    ...evidence.dropped(),
    ...listeners.dropped(),
    ...inline.dropped(),
    ...names.dropped(),
    detectorContainments: byDetectors.overBudget,
    desiredDocuments: desired.refused,
    containmentsLeftToPeople: byDetectors.leftToPeople,
    flowEnds: flowEnds.dropped,
    lastingConnections: lasting.dropped,
    connectionTableFull: connectionTable.dropped,
    stateChanges: changesDropped,
    ...server.dropped(),
  });
  const status = () =>
    readStatus({
      version,
      startedAtMs,
      config,
      keeper,
      exceptions,
      containment,
      inline,
      desired,
      panel: panelAtBox,
      portGuard,
      listeners,
      variables,
      dropped,
    });
  const server = await serve({
    socketPath: paths.enforcerSocket,
    mode: 0o660,
    maxConnections: MAX_CONNECTIONS,
    maxRequestBytes: MAX_MESSAGE_BYTES,
    requests,
    handlers: createHandlers({
      runLocked,
      keeper,
      containment,
      desired,
      evidence,
      names,
      preview: (order) => previewContainment(situation(), containment.orders, order, config.box),
      box: config.box,
      flows: (device, limit) => readLiveFlows(situation(), device, limit),
      status,
    }),
    onHandlerError: (error, request) => {
      log.error({ err: error, request }, 'a request failed; nothing was changed unless said otherwise');
    },
  });
  broadcast = (event) => {
    server.broadcast(event);
  };
  subscribers = () => server.subscriberCount();

  exceptions.start();
  const guard = openTableGuard({
    check: () => runLocked(() => keeper.guard()),
    onError: (error) => {
      log.error({ err: error }, 'our tables could not be checked or restored; trying again');
    },
  });
  const tellMemories = (): void => {
    // Taken only when somebody keeps them.
    if (subscribers() > 0) for (const event of takeMemories(evidence.detection)) server.broadcast(event);
  };
  const timers = [
    setInterval(tellMemories, MEMORIES_MS),
    setInterval(() => {
      if (remembered.length > 0 && subscribers() > 0)
        server.broadcast({ event: 'state', items: remembered.splice(0) });
      for (const event of [...evidence.flush(), ...names.flush()]) server.broadcast(event);
      const claims = evidence.takeClaims();
      if (claims.length > 0)
        void runLocked(() => keeper.learn(claims))
          .then(() => {
            names.useLearned({ policy: keeper.inForce.policy, learned: keeper.learned });
          })
          .catch(fail('addresses could not be learnt'));
    }, FLUSH_MS),
    setInterval(() => {
      evidence.identification.work(IDENTIFY_PACKETS);
    }, IDENTIFY_MS),
    setInterval(() => {
      const items = flowEnds.take();
      if (items.length > 0) server.broadcast({ event: 'flowEnds', items });
    }, FLOW_ENDS_MS),
    setInterval(
      () => void lasting.look().catch(fail('connections that go on could not be read')),
      GOES_ON_MS,
    ),
    setInterval(() => {
      connectionTable.look();
      if (subscribers() > 0)
        void status()
          .then((current) => {
            server.broadcast({ event: 'status', status: current });
          })
          .catch(fail('the status could not be read'));
    }, STATUS_MS),
    setInterval(
      () => void runLocked(() => keeper.saveLearned()).catch(fail('learnt addresses are not on disk')),
      SAVE_LEARNED_MS,
    ),
    setInterval(
      () => void runLocked(() => names.reconcile()).catch(fail('addresses of names could not be checked')),
      RECONCILE_MS,
    ),
    setInterval(
      () => void names.save(keeper.bootGeneration).catch(fail('addresses of names are not on disk')),
      SAVE_NAMES_MS,
    ),
    setInterval(() => {
      sdNotify('WATCHDOG=1', environment);
    }, WATCHDOG_MS),
  ];
  tell({
    kind: 'enforcer-started',
    by: 'enforcer',
    device: null,
    generation: keeper.inForce.state.generation,
    detail: `version ${version}, ${config.mode} mode`,
  });
  sdNotify('READY=1', environment);

  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  sdNotify('STOPPING=1', environment);
  for (const timer of timers) clearInterval(timer);
  tell({
    kind: 'enforcer-stopping',
    by: 'enforcer',
    device: null,
    generation: keeper.inForce.state.generation,
    detail: 'the kernel goes on with what is loaded',
  });
  for (const event of evidence.flush()) server.broadcast(event);
  tellMemories();
  guard.stop();
  portGuard.stop();
  exceptions.stop();
  await inline.stop();
  await listeners.stop();
  await runLocked(() => keeper.saveLearned()).catch(fail('learnt addresses are not on disk'));
  await names.save(keeper.bootGeneration).catch(fail('addresses of names are not on disk'));
  keeper.stop();
  panelAtBox.stop();
  containment.stop();
  await server.stop();
  return 0;
}
