# What several hooks do. Where a hook says `# shared: NAME`, the function of that name takes the line's place
# when the hook is installed: git reads one file. A blank line ends a function.

# Start idse: the one that installed this hook, else the one on PATH. 126 or 127: there is none.
start_idse() {
    if [ -x "$idse_program" ]; then
        "$idse_program" hook "$@"
        idse_exit=$?
        case $idse_exit in 126 | 127) ;; *) return "$idse_exit" ;; esac
    fi
    command -v idse >/dev/null 2>&1 || return 127
    idse hook "$@"
}

# Set idse_chained to the hook that stood in the place of hook $1 before. It is kept under its own name in the
# folder idse_kept beside this one, since a hook may look at its name and at what is around it.
find_chained() {
    idse_chained=${0%/*}/../$idse_kept/$1
    case ${0##*/} in "$1" | "$1".*) return ;; esac
    # Another hook may be a link to the one that stood here: git has called that one then.
    shift
    idse_other=${0%/*}/../$idse_kept/${0##*/}
    [ -f "$idse_other" ] && [ -x "$idse_other" ] && ! [ "$idse_other" -ef "$0" ] && exec "$idse_other" "$@"
}

# git_dir holds this worktree's own files, common_dir those of all worktrees. git starts hooks at the
# top of the worktree, with GIT_DIR unless that is plain .git; git itself is not asked, to save time.
find_git_dirs() {
    git_dir=${GIT_DIR:-.git}
    if [ -f "$git_dir" ]; then
        IFS= read -r line <"$git_dir"
        git_dir=${line#gitdir: }
    fi
    common_dir=${GIT_COMMON_DIR:-$git_dir}
    [ -f "$git_dir/commondir" ] || return 0
    IFS= read -r line <"$git_dir/commondir"
    case $line in
        /* | ?:*) common_dir=$line ;;
        *) common_dir=$git_dir/$line ;;
    esac
}

# Have the files that are made from here on shared as git's own are. git is asked only where a folder says so.
be_shared() {
    [ -g "$common_dir" ] || [ -g "$common_dir/idse" ] || return 0
    shares=$(git config core.sharedRepository) || return 0
    case $shares in
        1 | 2 | *[!0-7]*) ;;
        ??*) umask "$(printf '%o' $((0777 & ~(0$shares | (0$shares & 0444) >> 2))))" ;;
    esac
    case $shares in
        1 | [Gg]roup | [Tt]rue | [Yy]es | [Oo]n) umask u+rwx,g+rwx ;;
        2 | all | world | everybody) umask u+rwx,g+rwx,o+rx ;;
    esac
}

# Set branch to the name of the branch that HEAD is on, "" where it is on none.
find_branch() {
    branch=
    IFS= read -r line <"$git_dir/HEAD"
    case $line in 'ref: refs/heads/'*) branch=${line#ref: refs/heads/} ;; esac
}

# Set mapped to the session (project/session) that the branch belongs to, "" for none. git writes the line
# branch.NAME.idse-session in one form, so its file is read here; a long file, or a name with quotes, is for git.
find_mapped() {
    mapped=
    [ -n "$branch" ] || return 0
    left=250
    inside=
    case $branch in *'"'*) left=0 ;; esac
    while [ "$left" -gt 0 ] && IFS= read -r line; do
        left=$((left - 1))
        case $line in
            '[branch "'"$branch"'"]') inside=1 ;;
            '['*) inside= ;;
            *[a-z0-9-]idse-session*) ;;
            *idse-session*=*)
                [ -n "$inside" ] || continue
                mapped=${line#*=}
                mapped=${mapped# }
                ;;
        esac
    done <"$common_dir/config"
    [ "$left" -gt 0 ] || mapped=$(git config --local --get "branch.$branch.idse-session")
}

# Keep commit $1 with the current session and the branch: one file each, so that no two writers ever share one.
spool_commit() {
    [ -n "$1" ] || return 0
    find_branch
    session=
    [ -f "$git_dir/refs/worktree/idse/session" ] && IFS= read -r session <"$git_dir/refs/worktree/idse/session"
    if [ -z "$session" ]; then
        find_mapped
        session="ref: refs/idse/sessions/$mapped"
    fi
    case $session in 'ref: refs/idse/sessions/'?*) ;; *) return 0 ;; esac
    be_shared
    spool=$common_dir/idse/spool
    [ -d "$spool" ] || mkdir -p "$spool" || return 0
    printf '%s\n' "$session" ${branch:+"branch: $branch"} >"$spool/$1"
}

# Keep $1, the name of what could not be recorded, for the next idse command of this work tree that writes.
# The name says it all: an empty file has room on a full disk, too.
keep_missed() {
    case $1 in '' | *' '*) return 0 ;; esac
    [ -d "$common_dir/idse" ] || [ -f "$git_dir/refs/worktree/idse/session" ] || return 0
    be_shared
    [ -d "$git_dir/idse" ] || mkdir -p "$git_dir/idse" || return 0
    printf '' >"$git_dir/idse/missed-$1"
}

not_recorded() {
    printf '%s\n' "idse: not recorded, idse cannot be started: pip install idse-orchestrator && idse hooks install" >&2
}
