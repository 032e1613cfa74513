// Everything that a signature of this module mentions, so that `import AutoRound` is all that a program needs.
@_exported public import CPU
@_exported public import Calibration
@_exported public import ChatTemplates
@_exported public import Diagnostics
@_exported public import Evaluation
@_exported public import Execution
@_exported public import Hub
@_exported public import Inspection
@_exported public import JSONText
@_exported public import Outputs
@_exported public import Quantization
@_exported public import Recipes
@_exported public import Recordings
@_exported public import Reporting
@_exported public import Tensors
@_exported public import Tokenization
@_exported public import Verification
