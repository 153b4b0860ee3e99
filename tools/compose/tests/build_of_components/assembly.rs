//! The files that a build leaves.

use std::fs;

use eventhub_compose::{Component, Plan, assemble};

use crate::support::Folder;

fn plan_of_one(name: &str) -> Plan {
    Plan {
        components: vec![Component {
            name: name.into(),
            parts: vec![],
            rpc: None,
        }],
        shims: vec!["booking_client".into()],
        adapters: vec![],
    }
}

#[test]
fn a_file_is_written_only_when_it_changes() {
    let folder = Folder::new("assembly");
    let (built, out) = (folder.0.join("built"), folder.0.join("out"));
    fs::create_dir_all(&built).unwrap();
    fs::write(built.join("payment_stripe.wasm"), "one").unwrap();
    fs::write(built.join("booking_client.wasm"), "shim").unwrap();
    let plan = plan_of_one("payment-stripe");
    let target = out.join("payment-stripe.wasm");

    assemble(&plan, &built, &out, &[]).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "one");
    assert_eq!(
        fs::read_to_string(out.join("adapters/booking_client.wasm")).unwrap(),
        "shim"
    );

    let before = fs::metadata(&target).unwrap().modified().unwrap();
    fs::write(built.join("payment_stripe.wasm"), "one").unwrap();
    assemble(&plan, &built, &out, &[]).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), before);

    fs::write(built.join("payment_stripe.wasm"), "two").unwrap();
    assemble(&plan, &built, &out, &[]).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "two");
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new("missing");
    let error = assemble(&plan_of_one("booking"), &folder.0, &folder.0, &[]).unwrap_err();
    assert!(error.to_string().contains("booking.wasm"), "{error}");
}
