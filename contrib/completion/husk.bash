# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of husk(1) for bash.

_husk_functions()
{
	# The name is the first column, in its text form; a name with blanks is left to the user.
	husk list --json 2>/dev/null | sed -n 's/^ *"function": "\([^" ]*\)",*$/\1/p'
}

_husk()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='run list show events mode allow deny export import check hooks forget'
	local command='' at operands=0 options='' words=''

	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		--config | --revision | --domain | --program | --output | --directory | --hook-program | \
			--name | --rootfs | --bundle | --volume | --env | --user | --workdir | --network | --runtime | \
			-[bdenopruvw])
			at=$((at + 1))
			;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[at]}
			else
				operands=$((operands + 1))
			fi
			;;
		esac
	done

	case $command:$prev in
	show:-d | mode:-d) prev=--domain ;;
	*:-d) prev=--directory ;;
	run:-r) prev=--runtime ;;
	*:-p) prev=--program ;;
	esac
	case $prev in
	--config | --output | --hook-program | --program | --volume | -v | -o)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--directory | --rootfs | --bundle | --workdir | -b | -w)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--domain)
		mapfile -t COMPREPLY < <(compgen -W 'fs exec net dns cap syscall' -- "$cur")
		return
		;;
	--network)
		mapfile -t COMPREPLY < <(compgen -W 'host none' -- "$cur")
		return
		;;
	--runtime)
		mapfile -t COMPREPLY < <(compgen -W 'crun runc' -- "$cur")
		return
		;;
	--user | -u)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	esac

	case $command in
	'')
		options='--config --help --version'
		words=$commands
		;;
	run)
		options='--name --revision --trusted --rootfs --bundle --volume --env --user --workdir --network
			--runtime --hook-program --config --help'
		if ((operands == 0)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		[[ $cur == -* && $operands -eq 0 ]] || return
		;;
	list) options='--json --config --help' ;;
	show)
		options='--all --revision --domain --json --config --help'
		((operands == 0)) && words=$(_husk_functions)
		;;
	events)
		options='--follow --json --config --help'
		((operands == 0)) && words=$(_husk_functions)
		;;
	mode)
		options='--revision --domain --json --config --help'
		((operands == 0)) && words=$(_husk_functions)
		((operands == 1)) && words='learn shadow enforce auto'
		;;
	allow | deny)
		options='--program --revision --withdraw --json --config --help'
		((operands == 0)) && words=$(_husk_functions)
		((operands == 1)) && words='read write create list exec connect serve resolve consult cap syscall'
		;;
	export)
		options='--output --config --help'
		((operands == 0)) && words=$(_husk_functions)
		;;
	import)
		options='--json --config --help'
		[[ $cur == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		[[ $cur == -* ]] || return
		;;
	check) options='--hook-program --directory --json --config --help' ;;
	hooks)
		options='--directory --annotated-only --hook-program --json --config --help'
		((operands == 0)) && words='install remove print'
		((operands == 1)) && words='podman'
		;;
	forget)
		options='--json --config --help'
		((operands == 0)) && words=$(_husk_functions)
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}

complete -F _husk husk
