//! The scripts as sent: the code before and after a caller's script that adds the kind to its
//! reply.

/// Writes a reply; see the file.
const REPLY: &str = include_str!("reply.lua");

/// Runs commands and writes their replies.
pub fn commands() -> String {
    format!("{REPLY}{}", include_str!("commands.lua"))
}

/// Runs a caller's script and writes its reply; it catches an error, so that the text of Redis
/// arrives unchanged.
pub fn wrapped(source: &str) -> String {
    // A first line like `#!lua flags=no-writes` has to stay the first.
    let (head, body) = match source.strip_prefix("#!") {
        Some(_) => source.split_once('\n').unwrap_or((source, "")),
        None => ("", source),
    };
    let end = if head.is_empty() { "" } else { "\n" };
    format!(
        "{head}{end}{REPLY}local function script_()\n{body}\nend\nlocal o = {{}}\nlocal fine, r = pcall(script_)\n\
         if not fine and type(r) ~= 'table' then r = tostring(r) r = {{ err = string.match(r, '^%u+ ') and r or 'ERR ' .. r }} end\nreply_(r, o)\nreturn o\n"
    )
}

/// The hash for EVALSHA.
pub fn hash(source: &str) -> String {
    sha1_smol::Sha1::from(source).digest().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripts_flags_stay_in_the_first_line() {
        assert!(
            wrapped("#!lua flags=no-writes\nreturn 1").starts_with("#!lua flags=no-writes\n-- ")
        );
        assert!(wrapped("return 1").contains("local function script_()\nreturn 1\nend"));
        assert_eq!(hash("return 1"), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
