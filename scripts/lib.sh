# Shared by the scripts: messages, and packages that are installed where they may be.

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { echo "error: $*" >&2; exit 1; }

# Installs the packages that are missing, as root or through sudo; otherwise says which and stops.
need_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    elif command -v sudo >/dev/null && [ -t 0 ]; then
      as_root=(sudo)
    else
      fail "these packages are missing and cannot be installed without root: ${missing[*]}
       ask an administrator to run: apt-get install ${missing[*]}"
    fi
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# Node.js with npm, Debian's unless there is one.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
}
