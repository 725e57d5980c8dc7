"""Who may, why, and what is exposed if: answers from policies as they are and were, and from the trail. Changes nothing."""
