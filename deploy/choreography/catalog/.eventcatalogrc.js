// Descriptions name services, not people or teams.
module.exports = { rules: { 'best-practices/owner-required': 'off' } };
