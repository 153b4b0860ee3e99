//! Which commands may use the shared connection, and how they are encoded.

use eventhub_bindings::redis::Error;
use redis::Cmd;

/// Encodes a command.
///
/// # Errors
/// [`Error::Invalid`]: the command is empty, or forbidden on a shared connection.
pub fn command(parts: &[Vec<u8>]) -> Result<Cmd, Error> {
    let [name, args @ ..] = parts else {
        return Err(Error::Invalid("a command without a name".to_owned()));
    };
    if is_refused(name, args) {
        let name = String::from_utf8_lossy(name);
        return Err(Error::Invalid(format!(
            "{name} is refused: all components share the connection"
        )));
    }
    let mut command = Cmd::with_capacity(parts.len(), parts.iter().map(Vec::len).sum());
    for part in parts {
        command.arg(part.as_slice());
    }
    Ok(command)
}

/// EVALSHA or EVAL with its first argument.
pub fn script(name: &str, source_or_hash: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Cmd {
    let size = keys.iter().chain(args).map(Vec::len).sum::<usize>();
    let mut command = Cmd::with_capacity(
        3 + keys.len() + args.len(),
        size + source_or_hash.len() + 16,
    );
    command.arg(name).arg(source_or_hash).arg(keys.len());
    for part in keys.iter().chain(args) {
        command.arg(part.as_slice());
    }
    command
}

/// Commands that change the connection for everyone, block it, or break the rule of one reply per
/// command.
fn is_refused(name: &[u8], args: &[Vec<u8>]) -> bool {
    let mut upper = [0u8; 16];
    let Some(upper) = upper.get_mut(..name.len()) else {
        return false;
    };
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    match &*upper {
        // These send replies without a command.
        b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE"
        | b"SUNSUBSCRIBE" | b"MONITOR" | b"SYNC" | b"PSYNC" | b"REPLCONF" => true,
        // These change the state of the connection.
        b"MULTI" | b"EXEC" | b"DISCARD" | b"WATCH" | b"UNWATCH" | b"SELECT" | b"AUTH"
        | b"HELLO" | b"RESET" | b"QUIT" | b"CLIENT" | b"ASKING" | b"READONLY" | b"READWRITE" => {
            true
        }
        // These block: the commands queued behind them would wait, too.
        b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BLMPOP" | b"BZPOPMIN" | b"BZPOPMAX"
        | b"BZMPOP" | b"WAIT" | b"WAITAOF" | b"DEBUG" => true,
        b"XREAD" | b"XREADGROUP" => args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")),
        b"SCRIPT" => args
            .first()
            .is_some_and(|arg| arg.eq_ignore_ascii_case(b"DEBUG")),
        // The server itself belongs to the operator.
        b"SHUTDOWN" | b"REPLICAOF" | b"SLAVEOF" | b"FAILOVER" | b"MIGRATE" | b"CONFIG"
        | b"MODULE" | b"ACL" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace()
            .map(|part| part.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn what_would_break_or_hold_up_the_shared_connection_is_refused() {
        for line in [
            "SUBSCRIBE c",
            "multi",
            "Watch k",
            "BLPOP k 0",
            "select 1",
            "CLIENT REPLY OFF",
            "MONITOR",
            "HELLO 3",
            "QUIT",
            "XREAD COUNT 1 block 0 STREAMS s $",
            "SCRIPT DEBUG YES",
            "SHUTDOWN",
            "WAIT 1 0",
            "",
        ] {
            assert!(command(&parts(line)).is_err(), "{line}");
        }
        for line in [
            "GET k",
            "set k v",
            "XREAD COUNT 1 STREAMS s 0",
            "SCRIPT FLUSH",
            "LPOP k",
            "PUBLISH c m",
            "PING",
            "AVERYLONGCOMMANDNAMEOFAMODULE x",
            "EVAL x 0",
        ] {
            assert!(command(&parts(line)).is_ok(), "{line}");
        }
    }

    #[test]
    fn arguments_are_sent_as_they_are() {
        let command = command(&[b"SET".to_vec(), b"\0\r\n".to_vec(), Vec::new()]).ok();
        let packed = command.map(|command| command.get_packed_command());
        assert_eq!(
            packed.as_deref(),
            Some(&b"*3\r\n$3\r\nSET\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n"[..])
        );
        let packed =
            script("EVALSHA", "ab", &[b"k".to_vec()], &[b"7".to_vec()]).get_packed_command();
        assert_eq!(
            packed,
            b"*5\r\n$7\r\nEVALSHA\r\n$2\r\nab\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\n7\r\n"
        );
    }
}
