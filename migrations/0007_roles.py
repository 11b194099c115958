from tortoise import migrations
from tortoise.migrations import operations as ops

from models.ids import new_id

ROLES = ("REDEEMER", "FINANCE")  # together what every clerk could do when there were only venues
CLERKS = """
SELECT staff_id, venue_id FROM staff_venue
 WHERE staff_id NOT IN (SELECT staff_id FROM staff_venue GROUP BY staff_id
                        HAVING COUNT(*) >= (SELECT COUNT(*) FROM venue))
UNION ALL
SELECT staff_id, NULL FROM staff_venue GROUP BY staff_id HAVING COUNT(*) >= (SELECT COUNT(*) FROM venue)
"""
GRANTED = """
INSERT INTO staff_role (public_id, staff_id, role, venue_id, region_key, granted_at)
SELECT '{public_id}', id, '{role}', {venue}, '', password_set_at FROM staff_member
 WHERE id = {staff} AND NOT EXISTS
       (SELECT 1 FROM staff_role WHERE staff_id = {staff} AND role = '{role}' AND COALESCE(venue_id, 0) = {place})
"""
TAKEN_BACK = """
INSERT INTO staff_venue (staff_id, venue_id)
SELECT DISTINCT held.staff_id, venue.id
  FROM staff_role held JOIN venue ON held.venue_id = venue.id OR held.venue_id IS NULL AND held.region_key = ''
 WHERE held.ended_at IS NULL AND held.role = 'REDEEMER'
"""


async def give_roles(_apps, editor):
    """Each clerk keeps what they could do where they could do it. Who had every venue could also read what belongs to
    none, the channels' statements: now that hangs on a role that holds everywhere."""
    for clerk in await editor.client.execute_query_dict(CLERKS):
        venue_id = clerk["venue_id"]
        for role in ROLES:
            await editor.client.execute_query(
                GRANTED.format(
                    public_id=new_id("rol"),
                    role=role,
                    staff=clerk["staff_id"],
                    venue="NULL" if venue_id is None else venue_id,
                    place=venue_id or 0,
                )
            )


async def take_venues(_apps, editor):
    await editor.client.execute_query(TAKEN_BACK)


class Migration(migrations.Migration):
    dependencies = [("models", "0006_people")]

    initial = False

    operations = [
        ops.RunPython(give_roles, take_venues),
        ops.DeleteModel(name="StaffVenue"),
    ]
