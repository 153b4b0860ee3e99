//! Organizers and their members. An organizer is 404 to everybody who is not a member of it.

use eventhub_guest::creation::Key;
use eventhub_guest::http::{WithHeader, no_content};
use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::validate::EmailAddress;
use eventhub_guest::{Answer, Check, Problem, Timestamp, etag, json};
use serde::Deserialize;

use super::Call;
use crate::domain::organizer::{Organizer, Role, check_slug};
use crate::domain::profile::check_name;
use crate::error::Error;
use crate::store::organizers as store;

pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let page = call.page::<OrganizerId>()?;
    let items = store::list_organizers(user, page.after, page.limit + 1)?;
    json::response(200, &page.list(items, |organizer| organizer.id)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizerBody {
    name: String,
    slug: String,
}

pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let body: OrganizerBody = call.body()?;
    let mut check = Check::new();
    check_name(&mut check, &body.name);
    check_slug(&mut check, &body.slug);
    check.finish()?;
    let new = Organizer {
        id: OrganizerId::new(),
        name: body.name,
        slug: body.slug,
        role: Role::Owner,
        created_at: Timestamp::now(),
    };
    let key = Key::of(call.request, user);
    let created = store::insert_organizer(&new, user, key.as_ref())?;
    let organizer = match created.existing()? {
        None => new,
        Some(existing) => store::find_organizer(existing, user)?.ok_or(Error::OrganizerNotFound)?,
    };
    let location = format!("/api/v1/organizers/{}", organizer.id);
    Ok(json::response(201, &organizer)?.with_header("location", location))
}

pub fn get(call: &Call) -> Answer {
    let user = call.user()?;
    let organizer = store::find_organizer(call.id("id", "organizer")?, user)?
        .ok_or(Error::OrganizerNotFound)?;
    Ok(etag::by_content(
        call.request,
        json::response(200, &organizer)?,
    ))
}

/// The caller's place in the organizer of the path.
struct Membership {
    organizer: OrganizerId,
    caller: UserId,
    role: Role,
}

impl Membership {
    /// # Errors
    /// 401 where nobody is signed in, 404 where the caller is not a member.
    fn find(call: &Call) -> Result<Self, Problem> {
        let caller = call.user()?;
        let organizer = call.id("id", "organizer")?;
        let role = store::find_role(organizer, caller)?.ok_or(Error::OrganizerNotFound)?;
        Ok(Self {
            organizer,
            caller,
            role,
        })
    }

    /// The organizer, if the caller may change its members.
    ///
    /// # Errors
    /// As [`Membership::find`], and 403 where the caller is not an owner.
    fn find_managed(call: &Call) -> Result<OrganizerId, Problem> {
        let membership = Self::find(call)?;
        if membership.role.manages_members() {
            Ok(membership.organizer)
        } else {
            Err(Error::NotAnOwner("manage its members").into())
        }
    }
}

pub fn list_members(call: &Call) -> Answer {
    let organizer = Membership::find(call)?.organizer;
    let page = call.page::<UserId>()?;
    let items = store::list_members(organizer, page.after, page.limit + 1)?;
    json::response(200, &page.list(items, |member| member.user_id)?)
}

pub fn get_member(call: &Call) -> Answer {
    let organizer = Membership::find(call)?.organizer;
    let member = store::find_member(organizer, call.id("user_id", "member")?)?
        .ok_or(Error::MemberNotFound)?;
    let answer = json::response(200, &member)?;
    Ok(etag::apply(call.request, member.version, answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberBody {
    email: String,
    role: Role,
}

pub fn add_member(call: &Call) -> Answer {
    let organizer = Membership::find_managed(call)?;
    let body: MemberBody = call.body()?;
    let email = EmailAddress::parse(&body.email)
        .map_err(|error| Problem::invalid("/email", "invalid", error.to_string()))?;
    let member = store::insert_member(organizer, &email, body.role, Timestamp::now())?
        .ok_or(Error::NoAccount)?;
    let location = format!("/api/v1/organizers/{organizer}/members/{}", member.user_id);
    Ok(json::response(201, &member)?
        .with_header("etag", etag::of(member.version))
        .with_header("location", location))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleBody {
    role: Role,
}

pub fn change_role(call: &Call) -> Answer {
    let organizer = Membership::find_managed(call)?;
    let user: UserId = call.id("user_id", "member")?;
    let version = call.if_match()?;
    let body: RoleBody = call.body()?;
    let changed = store::update_role(organizer, user, body.role, version)?;
    let member = store::find_member(organizer, user)?.ok_or(Error::MemberNotFound)?;
    if changed {
        return Ok(json::response(200, &member)?.with_header("etag", etag::of(member.version)));
    }
    let is_stale = version.is_some_and(|version| version != member.version);
    Err(if is_stale {
        etag::stale()
    } else {
        Error::LastOwner.into()
    })
}

pub fn remove_member(call: &Call) -> Answer {
    let membership = Membership::find(call)?;
    let user: UserId = call.id("user_id", "member")?;
    // Everybody may leave.
    if user != membership.caller && !membership.role.manages_members() {
        return Err(Error::NotAnOwner("remove others from it").into());
    }
    if store::delete_member(membership.organizer, user)? {
        return Ok(no_content());
    }
    let member = store::find_member(membership.organizer, user)?;
    Err(if member.is_some() {
        Error::LastOwner.into()
    } else {
        Error::MemberNotFound.into()
    })
}
