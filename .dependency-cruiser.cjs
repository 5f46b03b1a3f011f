// The rooms of agent/ and who may look into whom. Pure rooms hold the decisions: bytes, values and `nowMs` in, values out.
const pure =
  '^agent/(counted\\.ts$|(policy|ruleset|packet|flow|capture|detect|containment|activity|messages|names|inventory|learn|mud|risk|report|upstream/pure)/)';
module.exports = {
  forbidden: [
    {
      name: 'pure-rooms-do-no-io',
      comment: 'A pure room imports no node: module and no package that does I/O.',
      severity: 'error',
      from: { path: pure },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-rooms-import-pure-rooms',
      comment: 'A pure room imports other pure rooms and pure libraries only.',
      severity: 'error',
      from: { path: pure },
      to: { pathNot: [pure, '^node_modules/(zod|yaml|ipaddr\\.js)/'] },
    },
    {
      name: 'enforcer-opens-no-ip-socket',
      comment: 'The privileged process parses hostile packets: it has no way to the network and no database.',
      severity: 'error',
      from: { path: '^agent/enforcer/' },
      to: {
        path: '^(agent/(agent|store|upstream|cli|lab)/|node_modules/(mqtt|better-sqlite3|systeminformation)/)',
      },
    },
    {
      name: 'agent-touches-no-kernel',
      comment: 'The agent has no capability: netlink and nft belong to the enforcer.',
      severity: 'error',
      from: { path: '^agent/(agent|store|upstream)/' },
      // sd-notify is one datagram to systemd; it opens nothing else.
      to: { path: '^agent/(enforcer|netlink|nftables|lab)/', pathNot: '^agent/netlink/sd-notify\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: ['\\.d\\.ts$'] }, to: {} },
    {
      name: 'product-imports-no-dev-package',
      severity: 'error',
      from: { path: '^agent/', pathNot: '^agent/lab/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
