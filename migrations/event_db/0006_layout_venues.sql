-- Whose a venue is, for the venue-layout service: the event service registers each venue before it inserts it. So venue-layout
-- reads its own tables only, and a layout refers to a venue that venue-layout knows.

CREATE TABLE layout_venues (
    venue_id     uuid PRIMARY KEY,
    organizer_id uuid NOT NULL
);

INSERT INTO layout_venues (venue_id, organizer_id) SELECT id, organizer_id FROM venues;

ALTER TABLE layouts DROP CONSTRAINT layouts_venue_fkey;
ALTER TABLE layouts ADD CONSTRAINT layouts_venue_fkey FOREIGN KEY (venue_id) REFERENCES layout_venues (venue_id);
