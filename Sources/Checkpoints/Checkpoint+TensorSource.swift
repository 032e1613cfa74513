public import Tensors

extension Checkpoint: TensorSource {}
