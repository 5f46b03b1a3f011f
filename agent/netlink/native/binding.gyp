{
  "targets": [
    {
      "target_name": "cordon_netlink",
      "sources": ["cordon_netlink.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type", "-fvisibility=hidden"]
    }
  ]
}
