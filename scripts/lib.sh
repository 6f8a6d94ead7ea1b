# Shared by the scripts: messages, and packages that are installed where they may be.

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { echo "error: $*" >&2; exit 1; }

# apt-get, which waits up to ten minutes while another process has apt's locks. The option waits for dpkg's; the lists'
# lock, which update takes, fails at once. Other failures are printed.
patient_apt() {
  local waited=0 output
  until output=$(LC_ALL=C "$@" -o DPkg::Lock::Timeout=600 2>&1); do
    if [ $waited -ge 600 ] || ! grep -qE 'Could not get lock|Unable to acquire|is held by process' <<<"$output"; then
      printf '%s\n' "$output" >&2
      return 1
    fi
    [ $waited -gt 0 ] || say "Waiting for another apt or dpkg to end"
    sleep 5
    waited=$((waited + 5))
  done
}

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
  patient_apt "${as_root[@]}" apt-get update -qq || true
  patient_apt "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}"
}

# Node.js with npm, Debian's unless there is one.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
}
