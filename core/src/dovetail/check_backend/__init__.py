"""``dovetail check-backend``: does a device library keep the contract of dovetail.h?

A check is a row of *stages* ([stages/](stages)), each about one part of the contract. Every stage
runs in a child process of its own, since the library under test may crash, hang, print or leave the
process in disorder; what happens to the child becomes a *finding*. The findings, with what the
library says about itself, make the *certificate*.

    check.py        finds the library, runs the stages in order, collects the certificate
    stage.py        what a stage is, and how to write one
    subject.py      what a stage is given: the library, marks, skips, facts
    runner.py       one stage in one child process, watched by its parent
    child.py        the child's side
    kit_host.py     a dvt_host of the kit's own, which counts, fails and watches
    raw.py          the library by its one symbol; tables as they are
    finding.py      a finding; catalogue/ says what each code means and what to do
    certificate.py  the record; page.py and text.py show it to people
"""
