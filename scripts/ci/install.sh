#!/usr/bin/env bash
# Dependencies by the lock file, the project's own Node among them; none of them needs a script of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
npm ci --no-progress --ignore-scripts
