//! The principal of a request. The gateway has verified it; services only read it.

use crate::Request;
use crate::ids::UserId;
use crate::problem::{Code, Problem};

/// The signed-in user.
///
/// # Errors
/// 401 without a signed-in user.
pub fn user(request: &Request) -> Result<UserId, Problem> {
    let principal = request.principal.as_ref();
    let user = principal.and_then(|principal| principal.user_id.parse().ok());
    user.ok_or_else(|| {
        Problem::new(
            Code::Unauthenticated,
            "Send an access token: Authorization: Bearer …",
        )
    })
}

/// The signed-in user, or none on a public route.
pub fn maybe_user(request: &Request) -> Option<UserId> {
    user(request).ok()
}
