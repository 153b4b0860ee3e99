//! What an event refers to: a venue of its organizer, and a layout of that venue.

use eventhub_guest::ids::{OrganizerId, VenueId};

use super::event::{Category, LayoutRef, VenueSummary};
use super::venue::Venue;

/// What an event needs to know of a layout.
#[derive(Clone, PartialEq, Debug)]
pub struct Layout {
    pub venue_id: VenueId,
    pub version: LayoutRef,
    /// Distinct category ids that sections and areas name.
    pub categories: Vec<String>,
}

/// Why an event may not refer to it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the venue is none of this organizer")]
    UnknownVenue,
    #[error("the layout is none of this venue")]
    UnknownLayout,
    #[error("another venue needs another layout")]
    LayoutRequired,
    /// Categories of the layout that have no price.
    #[error("categories without a price: {}", .0.join(", "))]
    MissingCategories(Vec<String>),
}

/// The venue for an event of the organizer.
///
/// # Errors
/// There is no such venue, or it is another's.
pub fn check_venue(venue: Option<Venue>, organizer: OrganizerId) -> Result<VenueSummary, Error> {
    let venue = venue.filter(|venue| venue.organizer_id == organizer);
    venue.map(VenueSummary::from).ok_or(Error::UnknownVenue)
}

/// The layout for an event at the venue.
///
/// # Errors
/// There is no such layout, it is another venue's, or one of its categories has no price.
pub fn check_layout(
    layout: Option<Layout>,
    venue: VenueId,
    categories: &[Category],
) -> Result<LayoutRef, Error> {
    let layout = layout.filter(|layout| layout.venue_id == venue);
    let layout = layout.ok_or(Error::UnknownLayout)?;
    let missing = find_unpriced(categories, &layout.categories);
    if missing.is_empty() {
        Ok(layout.version)
    } else {
        Err(Error::MissingCategories(missing))
    }
}

/// Categories of the layout that have no price.
fn find_unpriced(categories: &[Category], of_layout: &[String]) -> Vec<String> {
    let is_priced = |id: &String| categories.iter().any(|category| category.id == *id);
    let unpriced = of_layout.iter().filter(|id| !is_priced(id));
    unpriced.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_the_layout_needs_a_price() {
        let category = Category {
            id: "stalls".into(),
            name: "Stalls".into(),
            price: 1,
        };
        let of_layout = ["box".to_string(), "stalls".to_string()];
        assert_eq!(find_unpriced(&[category], &of_layout), ["box"]);
    }
}
