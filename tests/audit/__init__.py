"""The checks of ``make audit``: licences, secrets, shells and pickles, and known weaknesses of packages."""
