"""Does anything else that can be measured in the first epochs tell how a network will end?"""
