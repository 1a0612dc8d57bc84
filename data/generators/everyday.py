"""Everyday words and phrases with their French: greetings, requests, weather, dates, numbers.

The tables are lines "English = French"; `data.generators.translation` builds sentences with them.
"""

from __future__ import annotations

PHRASES = """
Hello. = Bonjour.
Hello! = Bonjour !
Hi. = Salut.
Hi! = Salut !
Good morning. = Bonjour.
Good morning! = Bonjour !
Good afternoon. = Bonjour.
Good evening. = Bonsoir.
Good evening! = Bonsoir !
Good night. = Bonne nuit.
Good night! = Bonne nuit !
Goodbye. = Au revoir.
Goodbye! = Au revoir !
Bye. = Salut.
See you soon. = À bientôt.
See you soon! = À bientôt !
See you tomorrow. = À demain.
See you tomorrow! = À demain !
See you later. = À plus tard.
Have a nice day. = Bonne journée.
Have a nice day! = Bonne journée !
Have a good evening. = Bonne soirée.
Welcome. = Bienvenue.
Welcome! = Bienvenue !
Yes. = Oui.
No. = Non.
Yes, please. = Oui, s'il vous plaît.
No, thank you. = Non, merci.
Please. = S'il vous plaît.
Thank you. = Merci.
Thank you! = Merci !
Thanks. = Merci.
Thank you very much. = Merci beaucoup.
Thank you very much! = Merci beaucoup !
Thank you for your help. = Merci pour ton aide.
You are welcome. = De rien.
Excuse me. = Excusez-moi.
I am sorry. = Je suis désolé.
Sorry. = Pardon.
Sorry! = Pardon !
No problem. = Pas de problème.
It does not matter. = Ce n'est pas grave.
Of course. = Bien sûr.
Maybe. = Peut-être.
Okay. = D'accord.
I agree. = Je suis d'accord.
That is true. = C'est vrai.
That is wrong. = C'est faux.
That is right. = C'est juste.
It is easy. = C'est facile.
It is difficult. = C'est difficile.
It is important. = C'est important.
It is possible. = C'est possible.
It is impossible. = C'est impossible.
It is too late. = C'est trop tard.
It is too expensive. = C'est trop cher.
It is very good. = C'est très bon.
It is beautiful. = C'est beau.
How are you? = Comment vas-tu ?
How are you today? = Comment vas-tu aujourd'hui ?
I am fine. = Je vais bien.
I am fine, thank you. = Je vais bien, merci.
I am very well. = Je vais très bien.
And you? = Et toi ?
Not bad. = Pas mal.
What is your name? = Comment t'appelles-tu ?
Nice to meet you. = Enchanté.
Who are you? = Qui es-tu ?
Who is it? = Qui est-ce ?
Who is he? = Qui est-il ?
Who is she? = Qui est-elle ?
What is it? = Qu'est-ce que c'est ?
What is this? = Qu'est-ce que c'est ?
What are you doing? = Que fais-tu ?
What do you want? = Que veux-tu ?
What do you think? = Qu'en penses-tu ?
What happened? = Que s'est-il passé ?
What time is it? = Quelle heure est-il ?
What day is it today? = Quel jour sommes-nous aujourd'hui ?
How old are you? = Quel âge as-tu ?
How old is he? = Quel âge a-t-il ?
How old is she? = Quel âge a-t-elle ?
How much is it? = Combien ça coûte ?
How much does it cost? = Combien ça coûte ?
How do you say that in French? = Comment dit-on ça en français ?
Where are you? = Où es-tu ?
Where are you from? = D'où viens-tu ?
Where are you going? = Où vas-tu ?
Where do you live? = Où habites-tu ?
Where do you work? = Où travailles-tu ?
Where are the toilets? = Où sont les toilettes ?
Where is the exit? = Où est la sortie ?
When? = Quand ?
Why? = Pourquoi ?
Why not? = Pourquoi pas ?
How? = Comment ?
Where? = Où ?
Who? = Qui ?
What? = Quoi ?
Do you speak English? = Parles-tu anglais ?
Do you speak French? = Parles-tu français ?
I do not understand. = Je ne comprends pas.
I understand. = Je comprends.
Do you understand? = Comprends-tu ?
I do not know. = Je ne sais pas.
I know. = Je sais.
I think so. = Je crois que oui.
I hope so. = J'espère que oui.
I love you. = Je t'aime.
I love you too. = Je t'aime aussi.
I miss you. = Tu me manques.
I need help. = J'ai besoin d'aide.
Can you help me? = Peux-tu m'aider ?
Can you repeat, please? = Peux-tu répéter, s'il te plaît ?
Speak slowly, please. = Parlez lentement, s'il vous plaît.
Help! = À l'aide !
Stop! = Arrête !
Wait! = Attends !
Look! = Regarde !
Listen! = Écoute !
Come in! = Entre !
Sit down. = Assieds-toi.
Be quiet! = Tais-toi !
Be careful! = Fais attention !
Hurry up! = Dépêche-toi !
Let's go! = Allons-y !
Happy birthday! = Joyeux anniversaire !
Merry Christmas! = Joyeux Noël !
Happy New Year! = Bonne année !
Congratulations! = Félicitations !
Good luck! = Bonne chance !
Good idea! = Bonne idée !
Enjoy your meal! = Bon appétit !
Have a good trip! = Bon voyage !
Cheers! = Santé !
Well done! = Bravo !
The bill, please. = L'addition, s'il vous plaît.
The menu, please. = La carte, s'il vous plaît.
A table for two, please. = Une table pour deux, s'il vous plaît.
Turn left. = Tournez à gauche.
Turn right. = Tournez à droite.
Go straight ahead. = Allez tout droit.
It is far. = C'est loin.
It is near here. = C'est près d'ici.
Here it is. = Le voici.
Breakfast is ready. = Le petit-déjeuner est prêt.
Lunch is ready. = Le déjeuner est prêt.
Dinner is ready. = Le dîner est prêt.
I am at home. = Je suis à la maison.
I am going home. = Je rentre à la maison.
I am on holiday. = Je suis en vacances.
I am married. = Je suis marié.
I am lost. = Je suis perdu.
I am English. = Je suis anglais.
I am American. = Je suis américain.
I am French. = Je suis français.
I do not feel well. = Je ne me sens pas bien.
I am sleepy. = J'ai sommeil.
I feel better. = Je me sens mieux.
I get up at seven o'clock. = Je me lève à sept heures.
I am learning French. = J'apprends le français.
I like music. = J'aime la musique.
I like this song. = J'aime cette chanson.
I like it. = Ça me plaît.
Life is beautiful. = La vie est belle.
See you on Monday. = À lundi.
"""

# Small words and expressions, given alone as in a dictionary.
WORDS = """
and = et, or = ou, but = mais, with = avec, without = sans, for = pour, in = dans, on = sur
under = sous, behind = derrière, before = avant, after = après, between = entre, here = ici
there = là, now = maintenant, today = aujourd'hui, tomorrow = demain, yesterday = hier
always = toujours, never = jamais, often = souvent, sometimes = parfois, soon = bientôt
very = très, too = trop, also = aussi, well = bien, much = beaucoup, a little = un peu
left = gauche, right = droite, everywhere = partout, together = ensemble, everything = tout
nothing = rien, somebody = quelqu'un, nobody = personne, something = quelque chose
morning = matin, evening = soir, day = jour, night = nuit, week = semaine, month = mois
year = année, hour = heure, minute = minute, breakfast = petit-déjeuner, lunch = déjeuner
dinner = dîner, family = famille, parents = parents, people = gens, world = monde, work = travail
money = argent, love = amour, peace = paix, music = musique, life = vie, time = temps
war = guerre, country = pays, name = nom, holiday = vacances, birthday = anniversaire
weather = temps, sun = soleil, rain = pluie, snow = neige, wind = vent, sky = ciel, sea = mer
to be = être, to have = avoir, to go = aller, to do = faire, to speak = parler, to live = vivre
to think = penser, to learn = apprendre, to begin = commencer, to stop = arrêter
to listen = écouter, to answer = répondre, to understand = comprendre, to say = dire
"""

PRESENT_TIMES = """
today = aujourd'hui, every day = tous les jours, in the morning = le matin
in the evening = le soir, at night = la nuit, in summer = en été, in winter = en hiver
in spring = au printemps, in autumn = en automne, now = maintenant, on Sundays = le dimanche
every week = toutes les semaines, in the afternoon = l'après-midi, every evening = tous les soirs
"""
PAST_TIMES = """
yesterday = hier, this morning = ce matin, last week = la semaine dernière
yesterday evening = hier soir, last year = l'année dernière, last month = le mois dernier
a year ago = il y a un an, on Monday = lundi, on Friday = vendredi
"""
FUTURE_TIMES = """
tomorrow = demain, this evening = ce soir, next week = la semaine prochaine, soon = bientôt
next month = le mois prochain, next year = l'année prochaine, on Saturday = samedi
tomorrow morning = demain matin, on Tuesday = mardi
"""
FREQUENCIES = "often = souvent, always = toujours, sometimes = parfois, rarely = rarement"

WEATHER = """
it is cold = il fait froid, it is hot = il fait chaud, it is raining = il pleut
it is snowing = il neige, it is sunny = il y a du soleil, it is windy = il y a du vent
it is cloudy = il y a des nuages, it is foggy = il y a du brouillard
the weather is nice = il fait beau, the weather is bad = il fait mauvais
it is dark = il fait nuit, the sun is shining = le soleil brille
it is not cold = il ne fait pas froid, it is not hot = il ne fait pas chaud
it is not raining = il ne pleut pas, it is not snowing = il ne neige pas
"""
PAST_WEATHER = """
it was cold = il faisait froid, it was hot = il faisait chaud, it rained = il a plu
it snowed = il a neigé, it was sunny = il y avait du soleil, it was windy = il y avait du vent
the weather was nice = il faisait beau, the weather was bad = il faisait mauvais
"""

DAYS = """
Monday = lundi, Tuesday = mardi, Wednesday = mercredi, Thursday = jeudi, Friday = vendredi
Saturday = samedi, Sunday = dimanche
"""
MONTHS = """
January = janvier, February = février, March = mars, April = avril, May = mai, June = juin
July = juillet, August = août, September = septembre, October = octobre, November = novembre
December = décembre
"""
SEASONS = "spring = printemps, summer = été, autumn = automne, winter = hiver"

CITIES = """
Paris = Paris, London = Londres, Rome = Rome, Berlin = Berlin, Madrid = Madrid, Lyon = Lyon
Brussels = Bruxelles, Geneva = Genève, Lisbon = Lisbonne, Vienna = Vienne, New York = New York
Marseille = Marseille
"""
# With the French article, which decides between "en" and "au".
COUNTRIES = """
France = la France, Italy = l'Italie, Spain = l'Espagne, Germany = l'Allemagne
Canada = le Canada, Japan = le Japon, England = l'Angleterre, Belgium = la Belgique
Switzerland = la Suisse, Portugal = le Portugal, China = la Chine, Brazil = le Brésil
Mexico = le Mexique, India = l'Inde, Russia = la Russie, Scotland = l'Écosse
"""
LANGUAGES = """
French = français, English = anglais, German = allemand, Spanish = espagnol, Italian = italien
Chinese = chinois, Japanese = japonais
"""

FEELINGS = """
hungry = faim, thirsty = soif, cold = froid, hot = chaud, afraid = peur, right = raison
wrong = tort, sleepy = sommeil, lucky = de la chance
"""

COMPARATIVES = """
bigger = big, smaller = small, older = old, younger = young, faster = fast, slower = slow
stronger = strong, heavier = heavy, prettier = pretty, longer = long
shorter = short, funnier = funny, sadder = sad, happier = happy, cleaner = clean
"""

IMPERATIVES = """
open = ouvre, close = ferme, eat = mange, drink = bois, read = lis, take = prends, watch = regarde
wash = lave, cut = coupe, buy = achète, bring = apporte, look for = cherche
choose = choisis, help = aide, write = écris, prepare = prépare
forget = oublie, call = appelle, show = montre, thank = remercie, sell = vends
"""

ENGLISH_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
"""
FRENCH_NUMBERS = """
zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze
seize dix-sept dix-huit dix-neuf vingt trente quarante cinquante soixante
"""


def parse_table(table: str) -> dict[str, str]:
    """Parse entries "English = French", one on a line or several with commas between them."""
    entries = [entry for line in table.strip().split("\n") for entry in line.split(", ")]
    return dict(_split_entry(entry) for entry in entries)


def parse_phrases() -> dict[str, str]:
    """Parse `PHRASES`, which may contain commas."""
    return dict(_split_entry(line) for line in PHRASES.strip().split("\n"))


def _split_entry(entry: str) -> tuple[str, str]:
    english, french = entry.split(" = ")
    return english, french


def spell_number(number: int) -> tuple[str, str]:
    """Spell a number from 0 to 69 in English and in French."""
    english, french = ENGLISH_NUMBERS.split(), FRENCH_NUMBERS.split()
    if number < 20:
        return english[number], french[number]
    tens, unit = divmod(number, 10)
    twenty, vingt = english[18 + tens], french[18 + tens]
    if unit == 0:
        return twenty, vingt
    return f"{twenty}-{english[unit]}", f"{vingt}{' et ' if unit == 1 else '-'}{french[unit]}"
