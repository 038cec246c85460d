"""Reports: table-valued functions for the questions that everyone asks of paths.

    SELECT * FROM sky_funnel('users', 'sign up > purchase', '7 days', '{"by": "plan"}')

    report    a report as a virtual table;  subject: the table that it is about
    question  what it is asked: as it is written, and as a plan with its design
    reports   those of one connection. The file of a report has its name: funnel, retention, flow, lifecycle, ...

Each is one pass over whole paths. A shard gives a *partial*; the rows are made of all partials. No path lies in two
shards, so partials made anywhere give the same rows. Not here: charts of the rows (cli/).

Others take: what is named here.
"""

from .question import ReportPlan, ReportQuestion, Written
from .report import Report
from .reports import DESIGNS, REPORTS, Reports

__all__ = ["DESIGNS", "REPORTS", "Report", "ReportPlan", "ReportQuestion", "Reports", "Written"]
