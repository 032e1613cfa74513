internal import CKernels
import Compute
import Recordings
import Tensors

/// A causal depthwise convolution. Formulas: `convolution.h` in CKernels.
struct ConvolutionKernel: Kernel {
  let step: Step
  let convolution: CausalConvolution
  private var columns: Int { step.inputs[0].columns }
  private var stride: Int { step.columns(of: step.inputs[0].value) }

  /// The gradients of weight and bias.
  static func scratch(of node: Node, in recording: Recording) -> Scratch {
    Scratch(
      backward: node.parameters.reduce(0) {
        $0 + recording.parameters[$1.index].rows * MemoryLayout<Float>.stride
      })
  }

  func forward(in program: Program) {
    let type = program.compute.element
    let (x, y) = (program[step.inputs[0]], program[step.result])
    let history = program.sequence.flatMap { sequence in
      step.node.state.map { sequence[$0][0].hostPointer }
    }
    precondition(history == nil || step.recording.batch == 1)
    withSettings(program) { settings in
      ThreadTeam.forRanges(of: step.rows) { begin, end in
        ck_convolution_forward(type, settings, x, stride, history, y, columns, begin, end)
      }
    }
    if let history { keepLastRows(x, in: history) }
  }

  /// The last rows of those that were kept and of the new ones together.
  private func keepLastRows(_ x: UnsafeRawPointer, in history: UnsafeMutableRawPointer) {
    let (size, kept, tokens) = (
      step.compute.byteCount, convolution.taps - 1, step.recording.tokens
    )
    let staying = max(kept - tokens, 0)
    for row in 0..<staying {
      (history + row * columns * size).copyMemory(
        from: history + (row + tokens) * columns * size, byteCount: columns * size)
    }
    copyRows(
      kept - staying, byteCount: columns * size,
      from: x + (tokens - (kept - staying)) * stride * size, stride * size,
      to: history + staying * columns * size, columns * size)
  }

  func backward(in program: Program) {
    let type = program.compute.element
    let (x, dy) = (program[step.inputs[0]], program.gradient(of: step.result))
    if let target = program.gradientTarget(0, of: step) {
      let dx = ck_gradient(
        to: target.pointer, stride: target.rowStride, accumulate: target.accumulates)
      withSettings(program) { settings in
        ThreadTeam.forRanges(of: step.rows) { begin, end in
          ck_convolution_backward(type, settings, dy, columns, x, stride, dx, begin, end)
        }
      }
    }
    let wanted = step.parameters.filter(step.trains)
    guard !wanted.isEmpty else { return }
    // Sums over all rows, in their order: one thread. Only tests ask for them.
    let weight = program.backwardScratch(of: step)
    let bias = weight + columns * convolution.taps * MemoryLayout<Float>.stride
    let hasBias = step.parameters.count > 1
    weight.clear(byteCount: columns * convolution.taps * MemoryLayout<Float>.stride)
    if hasBias { bias.clear(byteCount: columns * MemoryLayout<Float>.stride) }
    withSettings(program) { settings in
      ck_convolution_weight_gradient(
        type, settings, dy, columns, x, stride, weight.floats, hasBias ? bias.floats : nil, 0,
        step.rows)
    }
    for (parameter, gradient) in zip(step.parameters, [weight, bias]) where step.trains(parameter) {
      program.deliver(gradient, of: parameter)
    }
  }

  private func withSettings(_ program: Program, _ body: (UnsafePointer<ck_convolution>) -> Void) {
    let settings = ck_convolution(
      tokens: step.recording.tokens, columns: columns, taps: convolution.taps,
      weight: program[step.parameters[0]],
      bias: step.parameters.count > 1 ? UnsafePointer(program[step.parameters[1]]) : nil,
      has_silu: convolution.hasSiLU)
    withUnsafePointer(to: settings, body)
  }
}
