#!/usr/bin/env bash
# Chromium for the browser tests: it is here already, or is installed where that may be done.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1
fi
command -v chromium >/dev/null || echo "Chromium is not here and cannot be installed: the tests that need it are left out."
