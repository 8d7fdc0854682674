"""What labels mean: the classes of the data sets, and the label that says nothing."""

from __future__ import annotations

IGNORE = 255

NYUD_CLASSES: tuple[str, ...] = tuple(
    "wall,floor,cabinet,bed,chair,sofa,table,door,window,bookshelf,picture,counter,blinds,desk,shelves,curtain,"
    "dresser,pillow,mirror,floor mat,clothes,ceiling,books,refridgerator,television,paper,towel,shower curtain,"
    "box,whiteboard,person,night stand,toilet,sink,lamp,bathtub,bag,otherstructure,otherfurniture,"
    "otherprop".split(",")
)
"""The 40 classes of Gupta et al. 2013 in their usual order and spelling (`refridgerator` is the data set's own)."""

PASCAL_CLASSES: tuple[str, ...] = tuple(
    "background,aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,"
    "pottedplant,sheep,sofa,train,tvmonitor".split(",")
)
HUMAN_PARTS: tuple[str, ...] = tuple(
    "background,head,torso,upper arm,lower arm,upper leg,lower leg".split(",")
)
