//! The key set.

use eventhub_native::get;

use crate::support::{Service, redact, text_at};

#[test]
fn the_key_set_holds_the_key_that_signs() {
    let service = Service::start();
    service.sign_up("ada");
    let answer = service.send(&get("/.well-known/jwks.json"));
    let key_id = text_at(&answer, "/body/keys/0/kid");
    assert_eq!(service.sql("SELECT kid FROM signing_keys"), key_id);
    insta::assert_json_snapshot!("key_set", redact(answer));
}
