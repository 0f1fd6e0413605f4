"""What is said in recordings of the end-of-turn benchmark, with marks where the speaker may pause.

The recordings are those of :mod:`benchmarks.speakers.recorded`, by the names of their files. Each is listed whole,
sentence by sentence, since sentences are found in the sound by the length of their words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

RECORDED: Mapping[str, Sequence[str]] = {
    "agent-alreadyon": (
        "That agent is already logged on.",
        "Please enter your agent number | followed by the pound key.",
    ),
    "agent-incorrect": (
        "Login incorrect.",
        "Please enter your agent number | followed by the pound key.",
    ),
    "agent-newlocation": ("Please enter a new extension, | followed by pound.",),
    "agent-pass": ("Please enter your password | followed by the pound key.",),
    "auth-incorrect": (
        "Password incorrect.",
        "Please enter your password | followed by the pound key.",
    ),
    "basic-pbx-ivr-main": (
        "Thank you for calling Super Awesome Company, | Waldo's premier provider of perfect products.",
        "If you know your party's extension, | you may dial it at any time.",
        "To establish a sales partnership, | press one.",
        "To speak with a customer advocate, | press two.",
        "For accounting and other receivables, | press three.",
        "For a company directory, | press four.",
        "For an operator, | press zero.",
    ),
    "conf-adminmenu": (
        "Please press one to mute or unmute yourself, | two to lock or unlock the conference, | three to eject the "
        "last user, | four or six to decrease or increase the conference volume, | seven or nine to decrease or "
        "increase your volume, | or eight to exit.",
    ),
    "conf-adminmenu-menu8": (
        "Press one to list users currently in the conference, | two to kick all non-administrator users, | three to "
        "mute or unmute all non-administrator users, | four to record this conference, | or eight to exit this menu "
        "| and return to the conference.",
    ),
    "conf-getchannel": ("Please enter the channel number | followed by the pound key.",),
    "conf-getconfno": ("Please enter your conference number | followed by the pound key.",),
    "conf-usermenu": (
        "Please press one to mute or unmute yourself, | four or six to decrease or increase the conference volume, "
        "| seven or nine to decrease or increase your volume, | or eight to exit.",
    ),
    "conf-usermenu-162": (
        "Please press one to mute or unmute yourself, | four or six to decrease or increase the conference volume, "
        "| five to extend the conference, | seven or nine to decrease or increase your volume, | or eight to exit "
        "this menu | and return to the conference.",
    ),
    "confbridge-pin": ("Please enter your personal identification number | followed by the pound, | or hash key.",),
    "demo-abouttotry": (
        "I am about to attempt an Inter-Asterisk Exchange connection | to a demonstration server | located at Digium.",
        "In order for this to work | you must already be connected to the Internet.",
        "Please wait a moment | while I attempt to make the connection.",
    ),
    "demo-congrats": (
        "Congratulations.",
        "You have successfully installed and executed | the Asterisk open source PBX.",
        "You have also installed a set of sample sounds | and configuration files | that should help you to get "
        "started.",
        "Like a normal PBX | you will navigate this demonstration | by dialing digits.",
        "If you are using a console channel driver | instead of a real phone | you can use the dial, | answer, | "
        "and hang up commands | to simulate the actions of a standard telephone.",
    ),
    "demo-echotest": (
        "You are about to enter an echo test.",
        "In this mode | everything you say will be repeated back to you | just as soon as it is received.",
        "The purpose of this test | is to give you an audible sense of the latency | between you and the machine | "
        "that is running the echo test application.",
        "You may end the test by hanging up | or by pressing the pound key.",
    ),
    "demo-instruct": (
        "If you would like to learn more technical information about Asterisk | dial two now.",
        "If you'd like to test out the voice over IP capabilities of Asterisk | you can dial five hundred | to "
        "attempt an Inter-Asterisk Exchange or IAX connection | to a demonstration server at Digium.",
        "In order for this test to work | you will need to be connected to the Internet | and have at least a "
        "twenty eight point eight kilobit modem.",
        "To execute an echo test | dial six hundred.",
        "This test is most useful | when you have connected to this Asterisk server | from a remote location.",
        "The sample configuration also has a single user | with extension one two three four | and password four "
        "two four two.",
        "That user is configured to ring the console | when their extension is dialed.",
        "If you dial one two three four | you can try to ring the console.",
        "If the console is busy or unavailable | you will be given the option to leave voicemail.",
        "To check voice mail for the user | dial extension eight five zero zero | to enter the voicemail system.",
        "Finally, | you can press the pound key | to disconnect from the PBX.",
    ),
    "demo-moreinfo": (
        "Asterisk is an Open Source full-featured PBX and IVR platform | that runs on the linux operating system.",
        "For more information, | visit www dot asterisk dot org.",
    ),
    "demo-nogo": (
        "I am afraid I was unable to create a connection | to the Digium demonstration Asterisk server.",
        "You may find some helpful debugging information | on the Asterisk console.",
    ),
    "dir-instr": ("If this is the person you are looking for | press one now, | otherwise please press star now.",),
    "dir-intro": (
        "Welcome to the directory.",
        "Please enter the first three letters of your party's last name | using your touch tone keypad.",
        "Use the seven key for Q | and the nine key for Z.",
    ),
    "dir-intro-fn": (
        "Welcome to the directory.",
        "Please enter the first three letters of your party's first name | using your touch tone keypad.",
        "Use the seven key for Q | and the nine key for Z.",
    ),
    "invalid": (
        "I am sorry, | that's not a valid extension.",
        "Please try again.",
    ),
}
