"""Write a Keras network as a frozen TensorFlow graph: weights as constants, batch 1."""

from __future__ import annotations

import keras
import tensorflow as tf

from lmnet.export.names import INPUT, OUTPUT
from lmnet.layers import QuantizedActivation


def frozen_graph(model: keras.Model) -> tf.compat.v1.GraphDef:
    """Return the GraphDef from the placeholder float32 [1,H,W,3] to the node ``output`` float32 [1,H,W,C].

    The value of each activation quantizer is also a node of the layer's name, for example ``conv1_act``.
    """
    taps = {layer.name: layer.output for layer in model.layers if isinstance(layer, QuantizedActivation)}
    tapped = keras.Model(model.input, {**taps, OUTPUT: model.output})
    weights = [
        [keras.ops.convert_to_numpy(variable) for variable in variables]
        for variables in (tapped.trainable_variables, tapped.non_trainable_variables)
    ]
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [1, *model.input_shape[1:]], name=INPUT)
        with tf.name_scope("network"):
            trainable, others = ([tf.constant(value) for value in values] for values in weights)
            values, _ = tapped.stateless_call(trainable, others, images, training=False)
        for name, value in values.items():
            tf.identity(value, name=name)
    definition = graph.as_graph_def()
    for node in definition.node:
        # Names of Python gradient functions of this process: of no use in a frozen graph, and different each time.
        node.attr.pop("_gradient_op_type", None)
    return definition
