//! Frames of the live feed, from the short form in which Redis keeps them to the contract's JSON.

use super::occupancy::Occupancy;
use super::seat_names::SeatNames;

/// What a client sees first.
pub fn format_snapshot(seq: u64, occupancy: &Occupancy, names: &SeatNames) -> String {
    let areas: Vec<_> = occupancy
        .areas
        .iter()
        .map(|(id, _, free)| (id.as_str(), *free))
        .collect();
    format!(
        r#"{{"type":"snapshot","seq":{seq},{},"areas":{}}}"#,
        occupancy.lists(names),
        format_free(&areas)
    )
}

/// What has changed. `frame` is `12=h,13=f;floor=4`: seats with their states, areas with the places
/// taken.
pub fn format_delta(seq: u64, frame: &str, names: &SeatNames, areas: &[(String, u32)]) -> String {
    let (seats, taken) = frame.split_once(';').unwrap_or((frame, ""));
    let mut text = format!(r#"{{"type":"delta","seq":{seq},"seats":{{"#);
    let mut first = true;
    for (index, state) in split_pairs(seats) {
        let state = match state {
            "f" => "free",
            "h" => "held",
            "s" => "sold",
            _ => "blocked",
        };
        let Some(name) = index.parse().ok().and_then(|index| names.json(index)) else {
            continue;
        };
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push_str(&format!(r#"{name}:"{state}""#));
    }
    let free = split_pairs(taken).filter_map(|(area, taken)| {
        let (id, capacity) = areas.iter().find(|(id, _)| id == area)?;
        Some((id.as_str(), capacity.saturating_sub(taken.parse().ok()?)))
    });
    text.push_str(&format!(
        r#"}},"areas":{}}}"#,
        format_free(&free.collect::<Vec<_>>())
    ));
    text
}

fn split_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',').filter_map(|pair| pair.split_once('='))
}

fn format_free(areas: &[(&str, u32)]) -> String {
    let members: Vec<_> = areas
        .iter()
        .map(|(id, free)| format!("{}:{free}", serde_json::Value::from(*id)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> SeatNames {
        SeatNames::new(&["A-1-1".into(), "A-1-2".into()]).unwrap()
    }

    #[test]
    fn frames_are_as_the_contract_has_them() {
        let areas = [("floor".to_string(), 300)];
        let frame = format_delta(18, "0=h,1=f;floor=4", &names(), &areas);
        assert_eq!(
            frame,
            r#"{"type":"delta","seq":18,"seats":{"A-1-1":"held","A-1-2":"free"},"areas":{"floor":296}}"#
        );
        assert_eq!(
            format_delta(19, ";", &names(), &areas),
            r#"{"type":"delta","seq":19,"seats":{},"areas":{}}"#
        );
        let occupancy = Occupancy {
            held: vec![0b1000_0000],
            sold: vec![0b0100_0000],
            areas: vec![("floor".into(), 300, 296)],
        };
        let expected = r#"{"type":"snapshot","seq":17,"held":["A-1-1"],"sold":["A-1-2"],"blocked":[],"areas":{"floor":296}}"#;
        assert_eq!(format_snapshot(17, &occupancy, &names()), expected);
    }

    #[test]
    fn unknown_seats_and_areas_are_left_out() {
        assert_eq!(
            format_delta(1, "7=h,x=f,0=s;roof=1", &names(), &[]),
            r#"{"type":"delta","seq":1,"seats":{"A-1-1":"sold"},"areas":{}}"#
        );
    }
}
