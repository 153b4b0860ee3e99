//! Organizers and their members. Whoever is no member does not see an organizer: 404.

use eventhub_guest::creation::Key;
use eventhub_guest::http::{Query, WithHeader, no_content};
use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::page::{PARAMETERS, Page};
use eventhub_guest::problem::Problem;
use eventhub_guest::router::Answer;
use eventhub_guest::{Check, Params, Request, Timestamp, auth, etag, json};
use serde::Deserialize;

use crate::domain::Error;
use crate::domain::email::Email;
use crate::domain::organizer::{Role, check_slug};
use crate::domain::profile::check_name;
use crate::store::organizers::{self as store, Organizer};

pub fn list(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    let page = Page::<OrganizerId>::parse(&Query::parse(request, &PARAMETERS)?)?;
    let items = store::of_user(user, page.after, page.limit + 1)?;
    json::response(200, &page.list(items, |organizer| organizer.id)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrganizer {
    name: String,
    slug: String,
}

pub fn create(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let body: NewOrganizer = json::body(request)?;
    let mut check = Check::new();
    check_name(&mut check, &body.name);
    check_slug(&mut check, &body.slug);
    check.finish()?;
    let (id, now) = (OrganizerId::new(), Timestamp::now());
    let organizer = match store::create(
        id,
        &body.name,
        &body.slug,
        user,
        now,
        Key::of(request, user).as_ref(),
    )?
    .before()?
    {
        None => Organizer {
            id,
            name: body.name,
            slug: body.slug,
            role: Role::Owner,
            created_at: now,
        },
        Some(before) => {
            store::by_id(before, user)?.ok_or_else(|| Problem::not_found("organizer"))?
        }
    };
    let location = format!("/api/v1/organizers/{}", organizer.id);
    Ok(json::response(201, &organizer)?.with_header("location", location))
}

pub fn get(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let organizer = store::by_id(params.id("id", "organizer")?, user)?
        .ok_or_else(|| Problem::not_found("organizer"))?;
    Ok(etag::by_content(request, json::response(200, &organizer)?))
}

/// The organizer of the path, who asks, and their role in it.
fn membership(request: &Request, params: &Params) -> Result<(OrganizerId, UserId, Role), Problem> {
    let user = auth::user(request)?;
    let organizer = params.id("id", "organizer")?;
    let role = store::role_of(organizer, user)?.ok_or_else(|| Problem::not_found("organizer"))?;
    Ok((organizer, user, role))
}

fn managing(request: &Request, params: &Params) -> Result<OrganizerId, Problem> {
    let (organizer, _, role) = membership(request, params)?;
    if role.manages_members() {
        Ok(organizer)
    } else {
        Err(Problem::forbidden(
            "Only owners of an organizer manage its members.",
        ))
    }
}

pub fn members(request: &Request, params: &Params) -> Answer {
    let (organizer, _, _) = membership(request, params)?;
    let page = Page::<UserId>::parse(&Query::parse(request, &PARAMETERS)?)?;
    let items = store::members(organizer, page.after, page.limit + 1)?;
    json::response(200, &page.list(items, |member| member.user_id)?)
}

pub fn member(request: &Request, params: &Params) -> Answer {
    let (organizer, _, _) = membership(request, params)?;
    Query::parse(request, &[])?;
    let member = store::member_by_id(organizer, params.id("user_id", "member")?)?
        .ok_or_else(|| Problem::not_found("member"))?;
    Ok(etag::apply(
        request,
        member.version,
        json::response(200, &member)?,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    email: String,
    role: Role,
}

pub fn add_member(request: &Request, params: &Params) -> Answer {
    let organizer = managing(request, params)?;
    Query::parse(request, &[])?;
    let body: NewMember = json::body(request)?;
    let email = Email::parse(&body.email)
        .map_err(|error| Problem::invalid("/email", "invalid", error.to_string()))?;
    let member = store::add_member(organizer, &email, body.role, Timestamp::now())?;
    let member = member.ok_or_else(|| {
        Problem::invalid(
            "/email",
            "no_account",
            "nobody has an account with this e-mail address",
        )
    })?;
    let location = format!("/api/v1/organizers/{organizer}/members/{}", member.user_id);
    Ok(json::response(201, &member)?
        .with_header("etag", etag::of(member.version))
        .with_header("location", location))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

pub fn change_role(request: &Request, params: &Params) -> Answer {
    let organizer = managing(request, params)?;
    Query::parse(request, &[])?;
    let user: UserId = params.id("user_id", "member")?;
    let version = etag::required(request)?;
    let body: NewRole = json::body(request)?;
    let changed = store::change_role(organizer, user, body.role, version)?;
    let member =
        store::member_by_id(organizer, user)?.ok_or_else(|| Problem::not_found("member"))?;
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

pub fn remove_member(request: &Request, params: &Params) -> Answer {
    let (organizer, caller, role) = membership(request, params)?;
    Query::parse(request, &[])?;
    let user: UserId = params.id("user_id", "member")?;
    // Everybody may leave.
    if user != caller && !role.manages_members() {
        return Err(Problem::forbidden(
            "Only owners of an organizer remove others from it.",
        ));
    }
    if store::remove_member(organizer, user)? {
        return Ok(no_content());
    }
    let member = store::member_by_id(organizer, user)?;
    Err(if member.is_some() {
        Error::LastOwner.into()
    } else {
        Problem::not_found("member")
    })
}
