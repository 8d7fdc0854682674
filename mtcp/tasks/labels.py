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

ADE_CLASSES: tuple[str, ...] = tuple(
    (
        "wall,building,sky,floor,tree,ceiling,road,bed,windowpane,grass,cabinet,sidewalk,person,earth,door,"
        "table,mountain,plant,curtain,chair,car,water,painting,sofa,shelf,house,sea,mirror,rug,field,armchair,"
        "seat,fence,desk,rock,wardrobe,lamp,bathtub,railing,cushion,base,box,column,signboard,chest of drawers,"
        "counter,sand,sink,skyscraper,fireplace,refrigerator,grandstand,path,stairs,runway,case,pool table,"
        "pillow,screen door,stairway,river,bridge,bookcase,blind,coffee table,toilet,flower,book,hill,bench,"
        "countertop,stove,palm,kitchen island,computer,swivel chair,boat,bar,arcade machine,hovel,bus,towel,"
        "light,truck,tower,chandelier,awning,streetlight,booth,television,airplane,dirt track,apparel,pole,land,"
        "bannister,escalator,ottoman,bottle,buffet,poster,stage,van,ship,fountain,conveyer belt,canopy,washer,"
        "plaything,swimming pool,stool,barrel,basket,waterfall,tent,bag,minibike,cradle,oven,ball,food,step,"
        "tank,trade name,microwave,pot,animal,bicycle,lake,dishwasher,screen,blanket,sculpture,hood,sconce,vase,"
        "traffic light,tray,ashcan,fan,pier,crt screen,plate,monitor,bulletin board,shower,radiator,glass,clock,"
        "flag"
    ).split(",")
)
"""The 150 classes of ADE20K's scene parsing benchmark in their order (id 1 first) and short spelling."""
