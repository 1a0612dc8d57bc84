"""First names of people; some occur in held-out conversations only."""

from __future__ import annotations

from random import Random

SEED = 11
NEW_NAME_COUNT = 50

_WOMEN = """
Abigail Ada Adele Agatha Agnes Aisha Alice Alicia Alina Alma Amanda Amara Amelia Amina Amy Andrea
Angela Anika Anita Ann Anna Annika Antonia Aria Ariel Asha Astrid Audrey Barbara Beatrice Becky
Bertha Beth Bettina Bianca Blanca Brenda Bridget Camilla Carina Carla Carmen Carol Caroline
Cecilia Celeste Celia Chiara Chloe Christina Cindy Claire Clara Claudia Cleo Cora Cordelia Corinna
Cosima Cynthia Dana Daphne Daria Deborah Delia Denise Diana Dilys Dinah Donna Dora Doreen Doris
Dorothy Edith Edna Eileen Elaine Eleanor Elena Elinor Elisa Eliza Elizabeth Ella Ellen Elsa Elsie
Elvira Emilia Emily Emma Enid Erica Esme Estelle Esther Eunice Eva Evelyn Fatima Felicity Fiona
Flora Frances Freda Frieda Gail Gemma Gerda Gina Gisela Gladys Gloria Greta Gwen Hanna Hannah
Harriet Heidi Helen Helena Helga Hilda Ida Ilona Imogen Ines Ingrid Irene Iris Irma Isabel
Isabella Isla Jamila Jane Janet Janice Jean Jenny Jessica Jill Joan Joanna Johanna Josephine Josie
Joyce Judith Julia Juliet Karen Karin Kate Katharina Kathleen Katja Keiko Kelly Kim Kirsten Lana
Lara Larissa Laura Lauren Lea Leah Leila Lena Leona Leonie Leslie Lila Lilian Linda Lisa Lois
Lorna Louisa Lucia Lucinda Lucy Lydia Mabel Madeleine Magda Mandy Margaret Margot Maria Mariam
Marian Marie Marina Marion Marjorie Marlene Marta Martha Mary Matilda Maud Maureen Maxine Megan
Melanie Melissa Mercedes Mia Michelle Mila Mildred Millie Mina Minna Miranda Miriam Moira Molly
Mona Monica Muriel Myra Nadia Nancy Naomi Natalie Natasha Nell Nicola Nicole Nina Nora Noreen
Odette Olga Olivia Pamela Patricia Paula Pauline Peggy Penelope Petra Phoebe Phyllis Polly Priya
Rachel Ramona Rebecca Renata Rhoda Rita Roberta Rosa Rosalind Roxana Ruth Sabine Sabrina Sally
Salma Samantha Sandra Sarah Saskia Selina Selma Serena Sharon Sheila Shirley Sibyl Sigrid Silvia
Simone Sonia Sophie Stella Stephanie Susan Susanna Suzanne Sybil Tabitha Tamara Tanya Tara Tatiana
Teresa Tessa Thelma Theodora Tilda Tina Toni Ulrike Una Ursula Valentina Valerie Vanessa Vera
Verena Veronica Vivian Wanda Wendy Winifred Yasmin Yolanda Yuki Yvonne Zara Zelda Zoe
"""
_MEN = """
Aaron Adam Adrian Aidan Akira Alan Albert Aldo Alex Alfred Ali Alvin Amir Amos Anders Andrew Andy
Anselm Anthony Anton Arlo Arnold Arthur Arturo Axel Barnaby Barry Ben Benedict Benjamin Bernard
Bjorn Bob Boris Brian Bruno Caleb Calvin Carl Carlos Caspar Cedric Charles Charlie Chen Chris
Clarence Clemens Clifford Clive Connor Conrad Craig Curtis Cyril Daniel Danilo Darren Dave David
Dennis Derek Desmond Diego Dieter Dimitri Dominic Donald Douglas Duncan Dylan Edgar Edmund Eduardo
Edward Edwin Eli Elias Elliot Elmar Emil Enrico Erik Ernest Esteban Ethan Eugene Evan Ewan Fabian
Felipe Felix Ferdinand Fergus Finn Francis Franz Frederick Gabriel Gareth Gary Gavin Geoffrey
George Gerald Gianni Gideon Gilbert Giorgio Glen Gordon Graham Greg Gregory Guido Gunther Gustav
Hakim Hamish Hans Harold Harry Harvey Hassan Hector Henrik Henry Herbert Herman Hiroshi Horace
Howard Hubert Hugh Hugo Ian Ibrahim Igor Isaac Ivan Ivo Jack Jacob Jakob James Jan Jared Jason
Jasper Javier Jeffrey Jeremy Jerome Jochen Joel John Jonas Jonathan Jorge Josef Joshua Juan Julian
Julius Jurgen Justin Kai Karim Karl Keith Kenji Kenneth Kevin Klaus Konrad Kurt Kyle Larry Lars
Laurence Leo Leon Leonard Leopold Leroy Liam Linus Lloyd Logan Lorenzo Lothar Louis Lucas Ludwig
Luis Luke Lyle Magnus Malcolm Malik Manfred Manuel Marcel Marco Marcus Mario Marlon Martin Matthew
Maurice Mehmet Melvin Michael Miguel Miles Mirko Mohammed Morgan Moritz Morris Nathan Ned Neil
Nelson Nick Nigel Niklas Nils Noah Norbert Olaf Oleg Oliver Omar Oscar Osman Oswald Otis Otto Owen
Pablo Patrick Paul Pedro Percy Peter Philip Pierre Quentin Rafael Ralph Ramon Raoul Rashid Raymond
Reginald Ricardo Richard Robert Robin Roderick Rodney Roger Roland Rolf Romeo Ronald Rory Rowan
Rupert Russell Samir Samuel Sanjay Scott Sean Sebastian Sergio Seth Shane Silas Simon Spencer
Stanley Stephan Steven Stuart Sven Ted Terence Theo Thomas Tim Timothy Tobias Todd Tom Travis
Trevor Tristan Ulrich Vernon Vincent Vladimir Walter Warren Werner Wilfred Wilhelm William Xavier
Yusuf Zachary
"""
WOMEN = frozenset(_WOMEN.split())
MEN = frozenset(_MEN.split())


def _split_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the corpus, and the new ones of held-out conversations."""
    names = sorted([*_WOMEN.split(), *_MEN.split()])
    Random(SEED).shuffle(names)
    return tuple(names[NEW_NAME_COUNT:]), tuple(names[:NEW_NAME_COUNT])


NAMES, NEW_NAMES = _split_names()
