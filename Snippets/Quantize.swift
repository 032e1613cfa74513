// Quantizes the example model and compares the result with the original.
//
// Run it from the root of the package: swift run -c release Quantize
import AutoRound
import Foundation

let model = URL(filePath: "Examples/books-llama-6m")
let quantized = URL.temporaryDirectory.appending(path: "books-llama-6m-W3A16")

let recipe = try Recipe(
  """
  AutoRoundModifier:
    scheme: W3A16
    ignore: [lm_head]
    iters: 50
  """)
let report = try oneshot(
  model: model, recipe: recipe,
  dataset: CalibrationSource(file: URL(filePath: "Examples/data/calibration.jsonl")),
  overrides: OptionOverrides {
    $0.sampleCount = 64
    $0.sequenceLength = 256
  },
  output: quantized, overwrite: true)
for block in report.blocks {
  print(block.name, "loss rounded to nearest", block.rtnLoss, "tuned", block.finalLoss)
}

let evaluation = try Evaluation(model: quantized, reference: model)
  .run(onText: URL(filePath: "Examples/data/evaluation.txt"))
print("perplexity", evaluation.perplexity)
